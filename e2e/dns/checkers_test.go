//go:build debian

package dns_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// oddRecords are those that programs may read in other ways: text with quotes, without
// content and of several strings, wildcards, delegations with and without glue, and
// targets outside of the zone.
func oddRecords() string {
	var b strings.Builder
	for _, line := range []string{
		`text IN TXT "say \"hi\"; a \\ and \200\000"`,
		`text IN TXT "" ";" "two"`,
		`long IN TXT "` + strings.Repeat("a", 255) + `" "` + strings.Repeat(`\"`, 255) + `" "` + strings.Repeat("c", 100) + `"`,
		`*.wild IN TXT "anything"`,
		`*.wild IN MX 10 mail.example.net.`,
		`a.b.wild IN CNAME www.example.net.`,
		`away IN NS ns.example.net.`,
		`away IN NS ns.example.org.`,
		`child IN NS ns.child`,
		`ns.child IN A 192.0.2.77`,
		`_x._tcp IN SRV 0 0 443 elsewhere.example.net.`,
		`number IN NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .`,
	} {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	return b.String()
}

// TestZoneText: what the admin endpoint writes, and what BIND's dig gets by transfer, is
// a zone file for other programs, which agree on it and can sign it.
func TestZoneText(t *testing.T) {
	dir := t.TempDir()
	undertest.WriteFile(t, filepath.Join(dir, "keys"), keyClause)
	g := startGateway(t, gatewayAddress, oddRecords()+fmt.Sprintf("    transfer: {tsigFile: %q}\n", filepath.Join(dir, "keys")))
	text, err := g.Page("/api/zones/pke.example.com/default")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "zone")
	undertest.WriteFile(t, file, text)
	checkZone(t, file)
	var transferred string
	undertest.Await(t, "a transfer", func() error {
		transferred, err = output(t, "dig", "@"+gatewayAddress.String(), "-y", "hmac-sha256:"+keyName+":"+keySecret, "AXFR", zone, "+noall", "+answer", "+onesoa")
		if err == nil && countLines(transferred, "\tSOA\t") != 1 {
			err = fmt.Errorf("dig got %q", transferred)
		}
		return err
	}, g)
	copied := filepath.Join(dir, "copy")
	undertest.WriteFile(t, copied, transferred)
	checkZone(t, copied)
	if a, b := canonicalZone(t, file), canonicalZone(t, copied); a != b {
		t.Errorf("the text is\n%s\nand the transfer\n%s", a, b)
	}
	checkSigned(t, copied)
}

// canonicalZone is what BIND reads in a zone file, without the serial, which is one
// later in the transfer if the zone changed meanwhile.
func canonicalZone(t *testing.T, file string) string {
	t.Helper()
	out, err := output(t, "named-checkzone", "-q", "-i", "local", "-s", "full", "-o", "-", "pke.example.com", file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var lines []string
	for line := range strings.Lines(out) {
		if !strings.Contains(line, " SOA ") && !strings.Contains(line, `TXT	"no records"`) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// checkSigned signs the zone of a file by ldns, and has ldns verify it: it takes only
// signed ones.
func checkSigned(t *testing.T, file string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "ldns-keygen", "-a", "ECDSAP256SHA256", zone)
	command.Dir = filepath.Dir(file)
	key, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(filepath.Dir(file), strings.TrimSpace(string(key)))
	if out, err := output(t, "ldns-signzone", "-f", file+".signed", file, base); err != nil {
		t.Fatalf("ldns-signzone: %v\n%s", err, out)
	}
	if out, err := output(t, "ldns-verify-zone", file+".signed"); err != nil || !strings.Contains(out, "Zone is verified and complete") {
		t.Errorf("ldns-verify-zone: %v\n%s", err, out)
	}
}

// checkZone has other programs check the zone of a file.
func checkZone(t *testing.T, file string) {
	t.Helper()
	for _, checker := range [][]string{
		{"named-checkzone", "-i", "local", "pke.example.com", file},
		{"nsd-checkzone", "pke.example.com", file},
		{"kzonecheck", "-o", "pke.example.com", file},
		{"ldns-read-zone", file},
	} {
		out, err := output(t, checker[0], checker[1:]...)
		if err != nil {
			t.Errorf("%s: %v\n%s", checker[0], err, out)
		}
		for line := range strings.Lines(out) {
			// The owner of a wildcard is told below it, which is unusual and allowed (RFC 4592 §2.1.1).
			if strings.Contains(line, "warning") && !strings.Contains(line, "'_owner.*.star.pke.example.com' contains an non-terminal wildcard") {
				t.Errorf("%s: %s", checker[0], line)
			}
		}
	}
}

// zonemasterByNature is what Zonemaster reports of every zone of this kind, or of
// this one because of where the test runs; docs/dns.md says why.
var zonemasterByNature = map[string]bool{
	"NAMESERVER_IP_PRIVATE_NETWORK":       true,
	"NAMESERVER_IP_WITHOUT_REVERSE":       true,
	"DEL_NS_SAME_IP":                      true,
	"CHILD_NS_SAME_IP":                    true,
	"SAME_IP_ADDRESS":                     true,
	"NO_IPV6_NS_CHILD":                    true,
	"NO_IPV6_NS_DEL":                      true,
	"NEITHER_DNSKEY_NOR_DS":               true,
	"NOT_SIGNED":                          true,
	"RNAME_MAIL_DOMAIN_INVALID":           true,
	"SOA_DEFAULT_TTL_MAXIMUM_VALUE_LOWER": true,
	"Z09_MISSING_MAIL_TARGET":             true,
}

// inspections is how often a tool that looks for what is wrong is asked at most: it
// also reports an answer that came late because it or the gateway got no CPU time.
const inspections = 3

// inspect asks a tool until it reports nothing, and fails the test if it never does.
func inspect(t *testing.T, reported func() []string) {
	t.Helper()
	var last []string
	for range inspections {
		if last = reported(); len(last) == 0 {
			return
		}
		t.Logf("it reports:\n%s", strings.Join(last, "\n"))
	}
	t.Errorf("each of %d times something is reported, at last:\n%s", inspections, strings.Join(last, "\n"))
}

// TestZonemaster runs the checks of the registries' own tool.
func TestZonemaster(t *testing.T) {
	startParent(t)
	startGateway(t, gatewayAddress, "")
	file := filepath.Join(t.TempDir(), "hints")
	undertest.WriteFile(t, file, hints())
	inspect(t, func() (reported []string) {
		out, err := output(t, "zonemaster-cli", "--hints", file, "--no-ipv6", "--no-progress",
			"--raw", "--level", "NOTICE", "pke.example.com")
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		seen := make(map[string]bool)
		for line := range strings.Lines(out) {
			fields := strings.Fields(line) // time, level, what
			if len(fields) < 3 {
				continue
			}
			seen[fields[2]] = true
			if !zonemasterByNature[fields[2]] {
				reported = append(reported, strings.TrimSpace(line))
			}
		}
		if !seen["NOT_SIGNED"] {
			reported = append(reported, "it has not looked at the zone:\n"+out)
		}
		return reported
	})
}

// TestDNSViz has DNSViz check the zone, EDNS included: it has nothing to warn of.
func TestDNSViz(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	probe := filepath.Join(t.TempDir(), "probe.json")
	servers := fmt.Sprintf("%s+:ns1.%[1]s=%s,ns2.%[1]s=%[2]s", strings.TrimSuffix(zone, "."), g.address)
	inspect(t, func() (reported []string) {
		out, err := output(t, "dnsviz", "probe", "-4", "-A", "-E", "-a", zone, "-x", servers, "-o", probe, zone, "app."+zone)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err = output(t, "dnsviz", "grok", "-l", "info", "-r", probe); err != nil || !strings.Contains(out, "app."+zone) {
			reported = append(reported, fmt.Sprintf("it has not looked at the zone: %v\n%s", err, out))
		}
		if out, err = output(t, "dnsviz", "grok", "-l", "warning", "-r", probe); err != nil || strings.TrimSpace(out) != "" {
			reported = append(reported, fmt.Sprintf("%v\n%s", err, out))
		}
		return reported
	})
}

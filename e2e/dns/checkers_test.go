//go:build debian

package dns_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// TestZoneText: what the admin endpoint writes is a zone file for other programs.
func TestZoneText(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	text, err := g.Page("/api/zones/pke.example.com/default")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "zone")
	undertest.WriteFile(t, file, text)
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

// TestZonemaster runs the checks of the registries' own tool.
func TestZonemaster(t *testing.T) {
	startParent(t)
	startGateway(t, gatewayAddress, "")
	file := filepath.Join(t.TempDir(), "hints")
	undertest.WriteFile(t, file, hints())
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
			t.Errorf("it reports: %s", strings.TrimSpace(line))
		}
	}
	if !seen["NOT_SIGNED"] {
		t.Errorf("it has not looked at the zone:\n%s", out)
	}
}

// TestDNSViz has DNSViz check the zone, EDNS included: it has nothing to warn of.
func TestDNSViz(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	probe := filepath.Join(t.TempDir(), "probe.json")
	servers := fmt.Sprintf("%s+:ns1.%[1]s=%s,ns2.%[1]s=%[2]s", strings.TrimSuffix(zone, "."), g.address)
	out, err := output(t, "dnsviz", "probe", "-4", "-A", "-E", "-a", zone, "-x", servers, "-o", probe, zone, "app."+zone)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err = output(t, "dnsviz", "grok", "-l", "info", "-r", probe); err != nil || !strings.Contains(out, "app."+zone) {
		t.Errorf("it has not looked at the zone: %v\n%s", err, out)
	}
	if out, err = output(t, "dnsviz", "grok", "-l", "warning", "-r", probe); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("it reports: %v\n%s", err, out)
	}
}

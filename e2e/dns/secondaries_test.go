//go:build debian

package dns_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// The key of all transfers, as tsig-keygen prints it.
const (
	keyName   = "transfer.example."
	keySecret = "c2VjcmV0IG9mIHRoZSB0cmFuc2ZlcnMgaW4gdGVzdHM="
	keyClause = `key "transfer.example" { algorithm hmac-sha256; secret "` + keySecret + `"; };`
	catalog   = "catalog.invalid."
)

var (
	bindSecondary = netip.MustParseAddrPort(bindAddress.String() + ":5301")
	tlsSecondary  = netip.MustParseAddrPort(bindAddress.String() + ":5302")
	nsdSecondary  = netip.MustParseAddrPort("198.18.0.31:53")
	knotSecondary = netip.MustParseAddrPort("198.18.0.32:53")
)

// secondary is a server that has copies of zones and gives them to anyone.
type secondary struct {
	*process.Process
	address netip.AddrPort
}

// startBINDSecondary starts a BIND with these options, zones and other clauses.
func startBINDSecondary(t *testing.T, name string, address netip.AddrPort, options, clauses string) secondary {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "named.conf")
	undertest.WriteFile(t, file, fmt.Sprintf(`
%s
options {
  directory %q;
  listen-on port %d { %s; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  allow-transfer { any; };
  notify no;
  allow-notify { key "transfer.example"; };
  dnssec-validation no;
  %s
};
controls { };
%s
`, keyClause, dir, address.Port(), address.Addr(), options, clauses))
	named := run(t, name, unconfined(t, "/usr/sbin/named"), "-g", "-4", "-n", "1", "-c", file)
	return secondary{named, address}
}

// startNSDSecondary starts an NSD with a copy of the zone.
func startNSDSecondary(t *testing.T) secondary {
	t.Helper()
	dir := undertest.Folder(t)
	file := filepath.Join(dir, "nsd.conf")
	undertest.WriteFile(t, file, fmt.Sprintf(`
server:
  ip-address: %s
  zonesdir: "%s"
  xfrdir: "%[2]s"
  xfrdfile: "%[2]s/xfrd.state"
  database: ""
  zonelistfile: "%[2]s/zone.list"
  pidfile: ""
  username: ""
  chroot: ""
  server-count: 1
remote-control:
  control-enable: no
key:
  name: %[3]q
  algorithm: hmac-sha256
  secret: %[4]q
zone:
  name: %[5]q
  zonefile: zone
  request-xfr: %[6]s@53 %[3]s
  allow-notify: 0.0.0.0/0 %[3]s
  provide-xfr: 0.0.0.0/0 NOKEY
`, nsdSecondary.Addr(), dir, strings.TrimSuffix(keyName, "."), keySecret, zone, gatewayAddress))
	return secondary{run(t, "nsd", unconfined(t, "/usr/sbin/nsd"), "-d", "-c", file), nsdSecondary}
}

// startKnotSecondary starts a Knot with these zones, which may name the template
// "copy".
func startKnotSecondary(t *testing.T, zones string) secondary {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "knot.conf")
	undertest.WriteFile(t, file, fmt.Sprintf(`
server:
  rundir: "%s"
  listen: %s@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "%[1]s"
key:
  - id: %[3]s
    algorithm: hmac-sha256
    secret: %[4]s
remote:
  - id: gateway
    address: %[5]s@53
    key: %[3]s
acl:
  - id: notified
    key: %[3]s
    action: notify
  - id: anyone
    address: 0.0.0.0/0
    action: transfer
template:
  - id: default
    storage: "%[1]s"
  - id: copy
    storage: "%[1]s"
    master: gateway
    acl: [notified, anyone]
zone:
%[6]s
`, dir, knotSecondary.Addr(), strings.TrimSuffix(keyName, "."), keySecret, gatewayAddress, zones))
	return secondary{run(t, "knotd", unconfined(t, "/usr/sbin/knotd"), "-c", file), knotSecondary}
}

// zoneCopy is all records of a zone, in an order of their own.
type zoneCopy struct {
	serial  uint32
	records []string
}

func (c zoneCopy) hash() string {
	sum := sha256.Sum256([]byte(strings.Join(c.records, "\n")))
	return hex.EncodeToString(sum[:])
}

// fetch transfers a zone from a server, signed if the server is the gateway.
func fetch(server netip.AddrPort, name string, signed bool) (zoneCopy, error) {
	m := new(dns.Msg)
	m.SetAxfr(name)
	x := dns.Transfer{DialTimeout: 30 * time.Second, ReadTimeout: 30 * time.Second}
	if signed {
		m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
		x.TsigSecret = map[string]string{keyName: keySecret}
	}
	envelopes, err := x.In(m, server.String())
	if err != nil {
		return zoneCopy{}, err
	}
	var c zoneCopy
	for e := range envelopes {
		err = cmp.Or(err, e.Error)
		for _, rr := range e.RR {
			if soa, ok := rr.(*dns.SOA); ok {
				c.serial = soa.Serial
			}
			c.records = append(c.records, rr.String())
		}
	}
	if err == nil && len(c.records) == 0 {
		err = errors.New("there are no records")
	}
	slices.Sort(c.records)
	return c, err
}

// serialOf asks a server for the serial of a zone.
func serialOf(server netip.AddrPort, name string) (uint32, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, dns.TypeSOA)
	client := dns.Client{Timeout: 5 * time.Second}
	reply, _, err := client.Exchange(m, server.String())
	if err != nil {
		return 0, err
	}
	if len(reply.Answer) == 1 {
		if soa, ok := reply.Answer[0].(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, fmt.Errorf("no SOA record in the answer %s", dns.RcodeToString[reply.Rcode])
}

// same returns an error unless the secondary has the same copy.
func (s secondary) same(name string, want zoneCopy) error {
	serial, err := serialOf(s.address, name)
	if err == nil && serial != want.serial {
		return fmt.Errorf("%s has serial %d, want %d", s.Name, serial, want.serial)
	}
	var got zoneCopy
	if err == nil {
		got, err = fetch(s.address, name, false)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", s.Name, err)
	case got.serial != want.serial:
		return fmt.Errorf("%s has serial %d, want %d", s.Name, got.serial, want.serial)
	case got.hash() != want.hash():
		return fmt.Errorf("%s has other records under serial %d: %v, want %v", s.Name, got.serial, got.records, want.records)
	}
	return nil
}

// TestSecondariesByCatalog: servers that know nothing but the catalog set the zone up
// by themselves, follow its changes, and still do after the gateway was killed, when
// no serial goes back.
func TestSecondariesByCatalog(t *testing.T) {
	dir := t.TempDir()
	undertest.WriteFile(t, filepath.Join(dir, "keys"), keyClause)
	transfer := fmt.Sprintf(`{to: ["%s", %q, 198.18.0.0/16], tsigFile: %q}`, bindSecondary, knotSecondary.Addr(), filepath.Join(dir, "keys"))
	g := startGateway(t, gatewayAddress, fmt.Sprintf("    transfer: %s\n  catalog: {name: catalog.invalid, transfer: %s}\nstate: %s\n", transfer, transfer, filepath.Join(dir, "state")))
	bind := startBINDSecondary(t, "named", bindSecondary,
		fmt.Sprintf(`catalog-zones { zone "catalog.invalid" default-primaries { %s key "transfer.example"; } in-memory yes min-update-interval 1; };`, gatewayAddress),
		fmt.Sprintf(`zone "catalog.invalid" { type secondary; file "catalog"; primaries { %s key "transfer.example"; }; allow-notify { key "transfer.example"; }; };`, gatewayAddress))
	knot := startKnotSecondary(t, `  - domain: catalog.invalid
    template: copy
    catalog-role: interpret
    catalog-template: copy`)
	primary := netip.AddrPortFrom(gatewayAddress, 53)
	var last uint32
	follow := func(what string) {
		t.Helper()
		var want zoneCopy
		undertest.Await(t, what, func() (err error) {
			if want, err = fetch(primary, zone, true); err != nil {
				return err
			}
			if want.serial < last {
				t.Fatalf("serial %d after %d", want.serial, last)
			}
			if want.serial == last {
				return fmt.Errorf("the serial is %d still", last)
			}
			return errors.Join(bind.same(zone, want), knot.same(zone, want))
		}, bind, knot, g)
		last = want.serial
	}
	follow("the secondaries to have the zone")
	for i := range 5 {
		g.publish(t, fmt.Sprintf("more%d", i), fmt.Sprintf("more%d.pke.example.com", i))
		follow("the secondaries to have a new host")
	}
	g.Kill()
	g.publish(t, "afterwards", "afterwards.pke.example.com")
	g.Run("serve", "--config", filepath.Join(filepath.Dir(g.manifests), "gateway.yaml"), "--manifests", g.manifests, "--admin", g.Admin)
	g.AwaitReady()
	follow("the secondaries to have what came while the gateway was away")

	if out, err := output(t, "dig", "@"+gatewayAddress.String(), "+tcp", "AXFR", zone); err != nil || !strings.Contains(out, "Transfer failed") {
		t.Errorf("a transfer without a key: %v\n%s", err, out)
	}
	if out, err := output(t, "dig", "@"+gatewayAddress.String(), "-y", "hmac-sha256:"+keyName+":d3Jvbmcgc2VjcmV0IG9mIHRoZSB0cmFuc2Zlcg==", "AXFR", zone); err != nil || !strings.Contains(out, "BADSIG") && !strings.Contains(out, "NOTAUTH") {
		t.Errorf("a transfer with a wrong key: %v\n%s", err, out)
	}
	if out, err := output(t, "dig", "@"+gatewayAddress.String(), "SOA", catalog); err != nil || !strings.Contains(out, "REFUSED") {
		t.Errorf("the catalog without a key: %v\n%s", err, out)
	}
	out, err := output(t, "dig", "@"+gatewayAddress.String(), "-y", "hmac-sha256:"+keyName+":"+keySecret, fmt.Sprintf("IXFR=%d", last-1), "+onesoa", zone)
	if err != nil || countLines(out, "\tSOA\t") == 0 {
		t.Errorf("dig and IXFR: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "checked")
	undertest.WriteFile(t, file, asZoneFile(mustFetch(t, knot.address)))
	for _, checker := range [][]string{
		{"named-checkzone", "-i", "local", "pke.example.com", file},
		{"kzonecheck", "-o", "pke.example.com", file},
		{"ldns-read-zone", file},
	} {
		if out, err := output(t, checker[0], checker[1:]...); err != nil {
			t.Errorf("%s: %v\n%s", checker[0], err, out)
		}
	}
}

// asZoneFile is a zone file with the SOA record first.
func asZoneFile(c zoneCopy) string {
	isSOA := func(line string) bool { return strings.Contains(line, "\tSOA\t") }
	soa := c.records[slices.IndexFunc(c.records, isSOA)]
	others := slices.DeleteFunc(slices.Clone(c.records), isSOA)
	return soa + "\n" + strings.Join(others, "\n") + "\n"
}

func mustFetch(t *testing.T, server netip.AddrPort) zoneCopy {
	t.Helper()
	c, err := fetch(server, zone, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

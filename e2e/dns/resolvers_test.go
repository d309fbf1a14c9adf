//go:build debian

package dns_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// parentZones are what the world above our zone consists of, all of it on one
// server.
var parentZones = map[string]string{
	".": `
@ 3600 SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 60
@ 3600 NS ns.example.com.
com. 3600 NS ns.example.com.
ns.example.com. 3600 A PARENT
`,
	"com.": `
@ 3600 SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 60
@ 3600 NS ns.example.com.
example.com. 3600 NS ns.example.com.
ns.example.com. 3600 A PARENT
`,
	"example.com.": `
@ 3600 SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 60
@ 3600 NS ns.example.com.
ns 3600 A PARENT
www 3600 A 192.0.2.1
pke 3600 NS ns1.pke
pke 3600 NS ns2.pke
ns1.pke 3600 A GATEWAY
ns2.pke 3600 A GATEWAY
`,
}

// startParent serves the zones above ours with NSD.
func startParent(t *testing.T) {
	t.Helper()
	dir := undertest.Folder(t)
	config := fmt.Sprintf(`
server:
  ip-address: %s
  zonesdir: "%s"
  xfrdir: "%[2]s"
  database: ""
  zonelistfile: "%[2]s/zone.list"
  pidfile: ""
  username: ""
  chroot: ""
  server-count: 1
remote-control:
  control-enable: no
`, parentAddress, dir)
	file := 0
	for name, text := range parentZones {
		file++
		undertest.WriteFile(t, filepath.Join(dir, fmt.Sprintf("%d.zone", file)), addressed(text))
		config += fmt.Sprintf("zone:\n  name: %q\n  zonefile: %d.zone\n", name, file)
	}
	undertest.WriteFile(t, filepath.Join(dir, "nsd.conf"), config)
	nsd := run(t, "nsd", unconfined(t, "/usr/sbin/nsd"), "-d", "-c", filepath.Join(dir, "nsd.conf"))
	awaitAnswers(t, nsd, parentAddress, "example.com.")
}

// resolver is a recursive server that knows the root and nothing else.
type resolver struct {
	name    string
	address netip.Addr
}

// startResolvers starts the parent, and resolvers that are strict in all that
// authoritative servers are known to get wrong.
func startResolvers(t *testing.T) []resolver {
	t.Helper()
	startParent(t)
	resolvers := []resolver{
		{"unbound", unboundAddress},
		{"unbound over TCP", tcpAddress},
		{"BIND", bindAddress},
	}
	startUnbound(t, unboundAddress, "no")
	startUnbound(t, tcpAddress, "yes")
	startBIND(t)
	return resolvers
}

// startUnbound starts an unbound that mixes upper and lower case in what it
// asks, asks each server for no more of a name than it needs to know, and may
// be kept to TCP.
func startUnbound(t *testing.T, address netip.Addr, tcp string) {
	t.Helper()
	dir := t.TempDir()
	undertest.WriteFile(t, filepath.Join(dir, "root.hints"), hints())
	undertest.WriteFile(t, filepath.Join(dir, "unbound.conf"), fmt.Sprintf(`
server:
  interface: %s
  directory: "%s"
  root-hints: "%[2]s/root.hints"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  num-threads: 1
  access-control: 0.0.0.0/0 allow
  module-config: "iterator"
  use-caps-for-id: yes
  qname-minimisation: yes
  qname-minimisation-strict: yes
  tcp-upstream: %s
remote-control:
  control-enable: no
`, address, dir, tcp))
	unbound := run(t, "unbound", unconfined(t, "/usr/sbin/unbound"), "-d", "-p", "-c", filepath.Join(dir, "unbound.conf"))
	awaitAnswers(t, unbound, address, "www.example.com.")
}

func startBIND(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	undertest.WriteFile(t, filepath.Join(dir, "root.hints"), hints())
	undertest.WriteFile(t, filepath.Join(dir, "named.conf"), fmt.Sprintf(`
options {
  directory "%s";
  listen-on { %s; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion yes;
  allow-query { any; };
  allow-recursion { any; };
  dnssec-validation no;
  qname-minimization strict;
  empty-zones-enable no;
};
controls { };
zone "." { type hint; file "root.hints"; };
`, dir, bindAddress))
	named := run(t, "named", unconfined(t, "/usr/sbin/named"), "-g", "-4", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	awaitAnswers(t, named, bindAddress, "www.example.com.")
}

func hints() string {
	return addressed(". 3600 NS ns.example.com.\nns.example.com. 3600 A PARENT\n")
}

// addressed puts the addresses of the namespace into a zone.
func addressed(text string) string {
	return strings.NewReplacer("PARENT", parentAddress.String(), "GATEWAY", gatewayAddress.String()).Replace(text)
}

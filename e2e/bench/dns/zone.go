package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// name is the i-th name of the zone, two labels below its apex as those of
// teams are.
func name(i int) string { return fmt.Sprintf("app%d.team%d.biz%d", i, i%50, i%5) }

// writeZone writes a zone of n names for each server, and the queries of each
// load: of names that exist, that don't, and a tenth of those.
func writeZone(dir string, n int) error {
	var records strings.Builder
	for i := range n {
		fmt.Fprintf(&records, "%s IN A 192.0.2.10\n", name(i))
	}
	files := map[string]string{
		"zone": "$ORIGIN pke.example.com.\n$TTL 60\n" +
			"@ IN SOA ns1 hostmaster 1 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n" + records.String(),
		"knot.conf":       fmt.Sprintf(knotConfig, dir),
		"Corefile":        fmt.Sprintf(coreFile, dir),
		"gateway.yaml":    gatewayConfig + "      " + strings.ReplaceAll(strings.TrimSpace(records.String()), "\n", "\n      ") + "\n",
		"positive":        queries(0, n),
		"nxdomain":        queries(n, 3*n),
		"mixed":           queries(0, n+n/10),
		"manifests/.keep": "",
	}
	if err := os.Mkdir(filepath.Join(dir, "manifests"), 0o700); err != nil {
		return err
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// queries picks names by number, the same in each run.
func queries(from, to int) string {
	random := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for range 20_000 {
		fmt.Fprintf(&b, "%s.pke.example.com A\n", name(from+random.IntN(to-from)))
	}
	return b.String()
}

const knotConfig = `server:
  rundir: %[1]s
  listen: 127.0.0.1@5302
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: %[1]s
zone:
  - domain: pke.example.com
    storage: %[1]s
    file: zone
    zonefile-sync: -1
`

const coreFile = `pke.example.com:5305 {
  bind 127.0.0.1
  file %s/zone
}
`

const gatewayConfig = `ingress: {withoutClass: true}
views: [{name: default, addresses: [192.0.2.10]}]
dns:
  addresses: [192.0.2.53]
  zones:
  - name: pke.example.com
    nameservers: [ns1]
    records: |
`

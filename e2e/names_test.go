package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// claimOf is the manifest of an Ingress of any namespace and age.
func claimOf(namespace, name, created string, hosts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: %s, namespace: %s, creationTimestamp: %q}
spec:
  ingressClassName: gatelodge
  rules:
`, name, namespace, created)
	for _, host := range hosts {
		fmt.Fprintf(&b, "  - host: %q\n    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}\n", host)
	}
	return b.String()
}

// awaitOwner waits until a host is granted to a namespace, and a problem has the
// text, unless that is empty.
func (g *gateway) awaitOwner(host, namespace, problem string) {
	g.t.Helper()
	g.await(host+" to be "+namespace+"'s", func() error {
		_, snapshot, err := g.get("http://" + g.admin + "/snapshot")
		if err == nil && (!strings.Contains(snapshot, "host "+host+" owner="+namespace+"\n") || !strings.Contains(snapshot, problem)) {
			err = fmt.Errorf("the snapshot is\n%s", snapshot)
		}
		return err
	})
}

// TestAttackNameIsClaimedByAnOldIngress: with a state folder a host stays whose it
// is, also through a crash; without, or with what the folder has spoilt, through
// all that happens while the process lives.
func TestAttackNameIsClaimedByAnOldIngress(t *testing.T) {
	const host, own = "web.shop.pke.example.com", "own.evil.pke.example.com"
	for _, remembers := range []bool{true, false} {
		t.Run(fmt.Sprint("state ", remembers), func(t *testing.T) {
			dir, memory := t.TempDir(), filepath.Join(t.TempDir(), "state")
			write(t, dir, "class.yaml", classManifest)
			write(t, dir, "services.yaml", service("a", startBackend(t, "a")))
			write(t, dir, "web.yaml", claimOf("shop", "web", "2026-02-01T00:00:00Z", host))
			write(t, dir, "old.yaml", claimOf("evil", "old", "2026-01-01T00:00:00Z", own))
			config := zoneConfig + quickly
			if remembers {
				config += "state: " + memory + "\n"
			}
			file := filepath.Join(t.TempDir(), "gateway.yaml")
			write(t, filepath.Dir(file), filepath.Base(file), config)
			serve := func() *gateway { return start(t, "serve", "--manifests", dir, "--config", file) }

			g := serve()
			g.awaitOwner(host, "shop", "")
			write(t, dir, "old.yaml", claimOf("evil", "old", "2026-01-01T00:00:00Z", own, host))
			g.awaitOwner(host, "shop", "host "+host+" is granted to namespace shop by Ingress shop/web")
			if remembers {
				g.await("the claim to be recorded", func() error {
					var parts map[string][]byte
					text, err := os.ReadFile(filepath.Join(memory, "items", "claims.json"))
					if err == nil {
						err = json.Unmarshal(text, &parts)
					}
					if err == nil && !strings.HasPrefix(string(parts["claims"]), host+" shop ") {
						err = fmt.Errorf("recorded is %q", parts["claims"])
					}
					return err
				})
				g.process.Process.Kill()
				<-g.exited
				g = serve()
				g.awaitOwner(host, "shop", "which has it since 2026-02-01T00:00:00Z")
			}
			// Who leaves leaves it to the others.
			write(t, dir, "web.yaml", claimOf("shop", "web", "2026-02-01T00:00:00Z", "other.shop.pke.example.com"))
			g.awaitOwner(host, "evil", "")
			write(t, dir, "web.yaml", claimOf("shop", "web", "2026-02-01T00:00:00Z", host))
			g.awaitOwner(host, "evil", "host "+host+" is granted to namespace evil")
			g.stop()
			if remembers {
				g = serve()
				g.awaitOwner(host, "evil", "host "+host+" is granted to namespace evil")
				g.stop()
				write(t, filepath.Join(memory, "items"), "claims.json", "spoilt")
				g = serve()
				g.awaitOwner(host, "evil", "")
			}
		})
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
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
func awaitOwner(t *testing.T, g *undertest.Gateway, host, namespace, problem string) {
	t.Helper()
	g.Await(host+" to be "+namespace+"'s", func() error {
		snapshot, err := g.Page("/snapshot")
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
			config := zoneConfig
			if remembers {
				config += "state: " + memory + "\n"
			}
			g := serve(t, dir, config)
			awaitOwner(t, g, host, "shop", "")
			write(t, dir, "old.yaml", claimOf("evil", "old", "2026-01-01T00:00:00Z", own, host))
			awaitOwner(t, g, host, "shop", "host "+host+" is granted to namespace shop by Ingress shop/web")
			if remembers {
				g.Await("the claim to be recorded", func() error {
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
				g.Kill()
				g = serve(t, dir, config)
				awaitOwner(t, g, host, "shop", "which has it since 2026-02-01T00:00:00Z")
			}
			// Who leaves leaves it to the others.
			write(t, dir, "web.yaml", claimOf("shop", "web", "2026-02-01T00:00:00Z", "other.shop.pke.example.com"))
			awaitOwner(t, g, host, "evil", "")
			write(t, dir, "web.yaml", claimOf("shop", "web", "2026-02-01T00:00:00Z", host))
			awaitOwner(t, g, host, "evil", "host "+host+" is granted to namespace evil")
			g.Stop()
			if remembers {
				g = serve(t, dir, config)
				awaitOwner(t, g, host, "evil", "host "+host+" is granted to namespace evil")
				g.Stop()
				write(t, filepath.Join(memory, "items"), "claims.json", "spoilt")
				g = serve(t, dir, config)
				awaitOwner(t, g, host, "evil", "")
			}
		})
	}
}

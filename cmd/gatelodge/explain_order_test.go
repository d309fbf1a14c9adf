package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/explain"
	"gatelodge.dev/kube/manifests"
)

// TestExplainOrder: why no certificate can be ordered is a mark in the line of the
// certificate, such as a CAA record that forbids it. The issuer's words are made up
// here; package tls/caa tests them.
func TestExplainOrder(t *testing.T) {
	text := strings.Replace(well, "spec:\n  ingress", "spec:\n  tls: [{hosts: [app.example.com]}]\n  ingress", 1)
	file := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{
		`no certificate is ordered for app.example.com: CAA record 0 issue ";" at example.com. does not let the CA letsencrypt.org issue; add the record 0 issue "letsencrypt.org" there`,
		"the CA refuses the order for app.example.com: too many certificates (50) already issued for example.com",
	} {
		g := gatewayOf(t, wellConfig, "")
		objs, err := manifests.ReadPaths([]string{file}, nil)
		if err != nil {
			t.Fatal(err)
		}
		objs.Now = time.Now()
		g.rebuild(objs, objs.Now)
		served, _, _ := g.live.Current()
		cfg := *g.config.Load()
		cfg.Kube.Problems = []gatelodge.Problem{{Object: served.Hosts.Get("app.example.com").Routes[0].Object, Reason: gatelodge.NotIssued, Message: message}}
		g.config.Store(&cfg)
		g.rebuild(objs, objs.Now)
		if d := g.explained(t, "https://app.example.com/"); d.Cause == nil || d.Cause.Kind != explain.Certificate || !strings.Contains(d.Cause.Text, message) || d.Cause.Do == "" {
			t.Errorf("%s: %+v", message, d.Cause)
		}
	}
}

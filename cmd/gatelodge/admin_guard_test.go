package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
)

// guardedGateway returns a gateway that serves twenty hosts whose Ingresses were
// all deleted at once.
func guardedGateway(t *testing.T) (g *gateway, gone objects.Objects) {
	t.Helper()
	dir := t.TempDir()
	var text strings.Builder
	for i := range 20 {
		fmt.Fprintf(&text, "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web%d}\nspec: {rules: [{host: host%d.example.com}]}\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := manifests.ReadPaths([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all.Now = time.Now()
	cfg, err := parseConfig([]byte("ingress: {withoutClass: true}"), "test")
	if err != nil {
		t.Fatal(err)
	}
	g = newGateway(cfg, nil, io.Discard, slog.New(slog.NewTextHandler(t.Output(), nil)))
	g.ready.Store(true)
	g.rebuild(all, time.Now())
	gone = all
	gone.Ingresses = objects.Table[*networkingv1.Ingress]{}
	g.rebuild(gone, time.Now())
	return g, gone
}

func (g *gateway) ask(method, path string) (int, string) {
	recorder := httptest.NewRecorder()
	g.admin.mux.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	return recorder.Code, recorder.Body.String()
}

// confirmations is a platform that records what the other replicas are told, or
// fails to tell them.
type confirmations struct {
	standalone
	hashes []string
	err    error
}

func (c *confirmations) confirmed(_ context.Context, hash string) error {
	c.hashes = append(c.hashes, hash)
	return c.err
}

func TestHeldWithdrawalOnTheAdminPort(t *testing.T) {
	g, _ := guardedGateway(t)
	hash := g.guard.Status().Hash
	if code, body := g.ask("GET", "/readyz"); code != http.StatusOK || !strings.Contains(body, "withdrawal of 20 hosts") ||
		!strings.Contains(body, hash) || !strings.Contains(body, "host19.example.com") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if _, body := g.ask("GET", "/api/problems"); !strings.Contains(body, "WithdrawalHeld") || !strings.Contains(body, "host19.example.com") {
		t.Errorf("problems: %s", body)
	}
	if _, body := g.ask("GET", "/metrics"); !strings.Contains(body, "\ngatelodge_guard_holding 1\n") {
		t.Error("the metric does not say that hosts are held")
	}
	var guard apiGuard
	_, body := g.ask("GET", "/api/guard")
	if err := json.Unmarshal([]byte(body), &guard); err != nil || !guard.Holding || guard.Hash != hash || len(guard.Hosts) != 20 || guard.Until == nil {
		t.Errorf("guard: %s %v", body, err)
	}
}

func TestConfirmingOnTheAdminPort(t *testing.T) {
	g, gone := guardedGateway(t)
	hash := g.guard.Status().Hash
	var others confirmations
	g.platform = &others
	if code, body := g.ask("POST", "/api/guard/confirm?hash=123"); code != http.StatusConflict || !strings.Contains(body, hash) {
		t.Errorf("another hash: %d %s", code, body)
	}
	if code, body := g.ask("GET", "/api/guard/confirm"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d %s", code, body)
	}
	if code, body := g.ask("POST", "/api/guard/confirm?hash="+hash); code != http.StatusOK || !strings.Contains(body, hash) {
		t.Errorf("the hash: %d %s", code, body)
	}
	if len(others.hashes) != 1 || others.hashes[0] != hash || len(g.wakeBuild) != 1 {
		t.Errorf("told the other replicas %v, and %d builds are due", others.hashes, len(g.wakeBuild))
	}
	g.rebuild(gone, time.Now())
	if code, body := g.ask("GET", "/readyz"); code != http.StatusOK || body != "ready\n" {
		t.Errorf("readyz then: %d %s", code, body)
	}
	if _, body := g.ask("GET", "/metrics"); !strings.Contains(body, "\ngatelodge_guard_holding 0\n") {
		t.Error("the metric says that hosts are still held")
	}
	if code, body := g.ask("POST", "/api/guard/confirm"); code != http.StatusConflict {
		t.Errorf("nothing to confirm: %d %s", code, body)
	}
}

// TestOthersAreNotTold: the response says that only this replica confirmed.
func TestOthersAreNotTold(t *testing.T) {
	g, _ := guardedGateway(t)
	g.platform = &confirmations{err: errors.New("forbidden")}
	if code, body := g.ask("POST", "/api/guard/confirm"); code != http.StatusBadGateway || !strings.Contains(body, "forbidden") || !strings.Contains(body, "only on this replica") {
		t.Errorf("%d %s", code, body)
	}
}

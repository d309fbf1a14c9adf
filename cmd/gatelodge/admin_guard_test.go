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

	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
)

// guardedGateway serves twenty hosts and has seen them go at once.
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
	objects, err := manifests.ReadPaths([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	objects.Now = time.Now()
	cfg, err := parseConfig([]byte("ingress: {withoutClass: true}"), "test")
	if err != nil {
		t.Fatal(err)
	}
	g = newGateway(cfg, nil, io.Discard, slog.New(slog.NewTextHandler(t.Output(), nil)))
	g.ready.Store(true)
	g.rebuild(objects, time.Now())
	gone = objects
	gone.Ingresses = nil
	g.rebuild(gone, time.Now())
	return g, gone
}

func (g *gateway) ask(method, path string) (int, string) {
	recorder := httptest.NewRecorder()
	g.admin.mux.ServeHTTP(recorder, httptest.NewRequest(method, path, nil))
	return recorder.Code, recorder.Body.String()
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
		t.Errorf("the metric does not say that it holds")
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
	var told []string
	g.confirmed = func(_ context.Context, hash string) error { told = append(told, hash); return nil }
	if code, body := g.ask("POST", "/api/guard/confirm?hash=123"); code != http.StatusConflict || !strings.Contains(body, hash) {
		t.Errorf("another hash: %d %s", code, body)
	}
	if code, body := g.ask("GET", "/api/guard/confirm"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d %s", code, body)
	}
	if code, body := g.ask("POST", "/api/guard/confirm?hash="+hash); code != http.StatusOK || !strings.Contains(body, hash) {
		t.Errorf("the hash: %d %s", code, body)
	}
	if len(told) != 1 || told[0] != hash || len(g.configPoke) != 1 {
		t.Errorf("told the others %v, and %d builds are due", told, len(g.configPoke))
	}
	g.rebuild(gone, time.Now())
	if code, body := g.ask("GET", "/readyz"); code != http.StatusOK || body != "ready\n" {
		t.Errorf("readyz then: %d %s", code, body)
	}
	if _, body := g.ask("GET", "/metrics"); !strings.Contains(body, "\ngatelodge_guard_holding 0\n") {
		t.Errorf("the metric says that it still holds")
	}
	if code, body := g.ask("POST", "/api/guard/confirm"); code != http.StatusConflict {
		t.Errorf("nothing to confirm: %d %s", code, body)
	}
}

// TestOthersAreNotTold: who asks hears that it is this replica alone.
func TestOthersAreNotTold(t *testing.T) {
	g, _ := guardedGateway(t)
	g.confirmed = func(context.Context, string) error { return errors.New("no right to") }
	if code, body := g.ask("POST", "/api/guard/confirm"); code != http.StatusBadGateway || !strings.Contains(body, "no right to") || !strings.Contains(body, "alone") {
		t.Errorf("%d %s", code, body)
	}
}

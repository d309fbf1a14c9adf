package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// twoServers serves two handlers in clear text, and returns their addresses.
func twoServers(t *testing.T, a, b http.HandlerFunc) []string {
	t.Helper()
	args := []string{"compare"}
	for i, handler := range []http.HandlerFunc{a, b} {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		args = append(args, []string{"--a", "--b"}[i], server.Listener.Addr().String())
	}
	return args
}

func TestCompare(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request) {}
	old := func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "web.example.com" || r.Header.Get("X-Token") != "t" {
			w.WriteHeader(http.StatusTeapot)
		}
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
		}
	}
	args := append(twoServers(t, old, ok), "--base", "http://web.example.com", "--header", "X-Token: t")
	line := func(path string) string {
		return `192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "GET ` + path + ` HTTP/1.1" 200 1 "-" "-"` + "\n"
	}
	status, out, errs := runCommand(t, line("/same")+line("/same"), args...)
	if status != 0 || out != "1 compared: 1 the same, 0 different; 1 repeated, sent once\n" {
		t.Errorf("%d %q %s", status, out, errs)
	}
	file := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(file, []byte(line("/same")+line("/old")+"half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs = runCommand(t, "", append(args, file)...)
	if status != 1 || !strings.HasPrefix(out, "GET http://web.example.com/old\n  status\n    "+args[2]+": 301\n    "+args[4]+": 200\n  location\n    ") ||
		!strings.Contains(out, "2 compared: 1 the same, 1 different; 1 lines not read") || !strings.Contains(errs, "line 3: ") {
		t.Errorf("%d %q %s", status, out, errs)
	}
	status, out, _ = runCommand(t, "", append(args, "--output", "json", file)...)
	var report struct {
		Summary struct{ Compared, Different int }
		Results []struct {
			URL         string
			Differences []struct{ Part, A, B string }
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || status != 1 || report.Summary.Compared != 2 || len(report.Results) != 1 || report.Results[0].Differences[0].A != "301" {
		t.Errorf("%d %v %s", status, err, out)
	}
	if status, _, errs := runCommand(t, "# nothing\n", args...); status != 1 || !strings.Contains(errs, "nothing to compare") {
		t.Errorf("%d %s", status, errs)
	}
}

func TestCompareRefusesFlagsThatMeanNothing(t *testing.T) {
	good := []string{"compare", "--a", "192.0.2.1", "--b", "192.0.2.2"}
	for _, args := range [][]string{
		{"compare"}, {"compare", "--a", "192.0.2.1"}, {"compare", "--a", "web.example.com", "--b", "192.0.2.2"},
		append(good, "--base", "web.example.com"), append(good, "--rate", "0"), append(good, "--output", "html"),
		append(good, "--header", "nothing"), append(good, "a", "b"),
	} {
		if status, _, _ := runCommand(t, "", args...); status != 2 {
			t.Errorf("%q: status %d, want 2", args, status)
		}
	}
	if status, _, errs := runCommand(t, "", append(good, "--ca", "/nonexistent")...); status != 1 || errs == "" {
		t.Errorf("%d %s", status, errs)
	}
}

package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// accessed returns the status of the admin endpoint's answer to a request for
// host, with fields.
func accessed(g *gateway, method, path, host string, fields ...string) int {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	recorder := httptest.NewRecorder()
	g.admin.ServeHTTP(recorder, r)
	return recorder.Code
}

func adminOf(t *testing.T, config string) *gateway {
	t.Helper()
	t.Setenv("POD_NAME", "Gatelodge-7d9f-x2x4z")
	t.Setenv("POD_NAMESPACE", "edge")
	return newGateway(parsedConfig(t, config), nil, io.Discard, slog.New(slog.DiscardHandler))
}

// TestRebinding: a page whose name leads to the admin endpoint's address gets
// nothing.
func TestRebinding(t *testing.T) {
	g := adminOf(t, `
admin: {hosts: [gateway.corp.example]}
name: front
listeners: [{name: http, protocol: HTTP, address: ":0"}]
views: [{name: inside, service: edge/inner}]
dns: {service: names/authority}
`)
	for _, host := range []string{
		"", "127.0.0.1", "127.0.0.1:9080", "[::1]:9080", "[2001:db8::1]", "10.1.2.3:80", "localhost", "LOCALHOST:9080", "localhost.",
		"gatelodge-7d9f-x2x4z", "gatelodge-7d9f-x2x4z:9080", "gateway.corp.example", "Gateway.Corp.Example.:9080",
		"front", "front.edge", "front-metrics.edge.svc:9080", "front-dns.edge.svc.cluster.local", "inner.edge.svc", "authority.names.svc.cluster.local.",
	} {
		for _, path := range []string{"/healthz", "/api/status", "/metrics", "/snapshot", "/debug/pprof/cmdline"} {
			if status := accessed(g, "GET", path, host); status == http.StatusForbidden {
				t.Errorf("%s of %q: got %d", path, host, status)
			}
		}
	}
	for _, host := range []string{
		"attacker.example", "attacker.example:9080", "127.0.0.1.attacker.example", "localhost.attacker.example", "front.attacker.example",
		"front.edge.svc.attacker.example", "frontal", "front-metrics.other.svc", "inner.edge.svc.cluster.local.attacker.example",
		"a@127.0.0.1", "1.2.3", "[::1].attacker.example", "xgateway.corp.example",
	} {
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/snapshot", "/api/hosts", "/api/zones/a/b", "/debug/pprof/", "/nothing"} {
			if status := accessed(g, "GET", path, host); status != http.StatusForbidden {
				t.Errorf("%s of %q: got %d, want 403", path, host, status)
			}
		}
		if status := accessed(g, "POST", "/api/guard/confirm", host); status != http.StatusForbidden {
			t.Errorf("POST of %q: got %d, want 403", host, status)
		}
	}
}

// TestCrossSiteRequests: another site's page changes nothing.
func TestCrossSiteRequests(t *testing.T) {
	g := adminOf(t, "")
	const host = "localhost:9080"
	for _, c := range []struct {
		fields []string
		want   int
	}{
		{nil, http.StatusConflict}, // nothing is held; curl
		{[]string{"Sec-Fetch-Site", "same-origin"}, http.StatusConflict},
		{[]string{"Sec-Fetch-Site", "none"}, http.StatusConflict},
		{[]string{"Origin", "http://" + host}, http.StatusConflict},
		{[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{[]string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{[]string{"Sec-Fetch-Site", "cross-site", "Origin", "http://" + host}, http.StatusForbidden},
		{[]string{"Origin", "http://attacker.example"}, http.StatusForbidden},
		{[]string{"Origin", "http://localhost:8080"}, http.StatusForbidden},
		{[]string{"Origin", "null"}, http.StatusForbidden},
		{[]string{"Origin", "http://" + host + ".attacker.example"}, http.StatusForbidden},
	} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			want := c.want
			if method != "POST" && want == http.StatusConflict {
				want = http.StatusMethodNotAllowed
			}
			if status := accessed(g, method, "/api/guard/confirm", host, c.fields...); status != want {
				t.Errorf("%s with %q: got %d, want %d", method, c.fields, status, want)
			}
		}
		if status := accessed(g, "GET", "/api/status", host, c.fields...); status != http.StatusOK {
			t.Errorf("reading with %q: got %d", c.fields, status)
		}
	}
}

// TestTheDashboardIsAsGuarded: the rules hold for its pages, its form and its socket.
func TestTheDashboardIsAsGuarded(t *testing.T) {
	g := adminOf(t, "")
	const host = "localhost:9080"
	socket := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "Z2F0ZWxvZGdlIGRlbW8hIQ=="}
	for _, c := range []struct {
		method, path, host string
		fields             []string
		want               int
	}{
		{"GET", "/dashboard/hosts", host, nil, http.StatusOK},
		{"GET", "/dashboard/hosts", "attacker.example", nil, http.StatusForbidden},
		{"GET", "/dashboard/live", "attacker.example", append(socket, "Origin", "http://attacker.example"), http.StatusForbidden},
		{"GET", "/dashboard/live", host, append(socket, "Origin", "http://attacker.example"), http.StatusForbidden},
		{"POST", "/dashboard/guard", host, []string{"Origin", "http://attacker.example"}, http.StatusForbidden},
		{"POST", "/dashboard/guard", host, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"POST", "/dashboard/guard", host, []string{"Origin", "http://" + host}, http.StatusBadRequest}, // no list was read
		{"GET", "/", host, []string{"Accept", "text/html,*/*"}, http.StatusSeeOther},
		{"GET", "/", host, []string{"Accept", "*/*"}, http.StatusOK},
	} {
		if status := accessed(g, c.method, c.path, c.host, c.fields...); status != c.want {
			t.Errorf("%s %s of %s with %q: got %d, want %d", c.method, c.path, c.host, c.fields, status, c.want)
		}
	}
}

// TestTheDashboardShowsTheGateway: what the pages show is what is served.
func TestTheDashboardShowsTheGateway(t *testing.T) {
	g, gone := guardedGateway(t)
	if _, body := g.ask("GET", "/dashboard/guard"); !strings.Contains(body, "20 hosts that went at once") || !strings.Contains(body, "host19.example.com") {
		t.Errorf("the guard's page:\n%s", body)
	}
	if _, body := g.ask("GET", "/dashboard/changes"); !strings.Contains(body, "20 hosts added") {
		t.Errorf("the page of changes:\n%s", body)
	}
	confirm := func(hash string) int {
		r := httptest.NewRequest("POST", "/dashboard/guard", strings.NewReader("read=yes&hash="+hash))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		g.admin.ServeHTTP(recorder, r)
		return recorder.Code
	}
	if status := confirm("123"); status != http.StatusConflict {
		t.Errorf("another list: %d", status)
	}
	if status := confirm(g.guard.Status().Hash); status != http.StatusSeeOther {
		t.Errorf("the list: %d", status)
	}
	g.rebuild(gone, time.Now())
	if _, body := g.ask("GET", "/dashboard/hosts"); !strings.Contains(body, "Nothing matches") {
		t.Errorf("hosts are still there:\n%s", body)
	}
}

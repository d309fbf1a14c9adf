package proxy

import (
	"net/http"
	"net/netip"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestHSTS(t *testing.T) {
	text := func(s string) *string { return &s }
	certified := []*gatelodge.Certificate{{Names: []gatelodge.Name{appHost}}}
	const year, month, backends = "max-age=31536000", "max-age=2592000; includeSubDomains", "max-age=1"
	for _, c := range []struct {
		name    string
		config  string
		policy  *string
		backend string // what the backend says itself
		host    string
		certs   []*gatelodge.Certificate
		proto   string // what a trusted proxy says
		clear   string // wanted over clear text
		secure  string // wanted over TLS
	}{
		{name: "not asked for"},
		{name: "by the configuration", config: year, secure: year},
		{name: "by the Ingress", policy: text(month), secure: month},
		{name: "the Ingress has the last word", config: year, policy: text(month), secure: month},
		{name: "the Ingress turns it off", config: year, policy: text("")},
		{name: "the backend's own is replaced", config: year, backend: backends, clear: backends, secure: year},
		{name: "the backend's own is left alone", policy: text(""), backend: backends, clear: backends, secure: backends},
		{name: "a certificate that is not for the host", config: year, host: "foo.bar.com"},
		{name: "a trusted proxy has the certificate", config: year, certs: certified, proto: "https", clear: year, secure: year},
		{name: "a trusted proxy has one, and we do not", config: year, proto: "https", secure: year},
		{name: "a trusted proxy was asked in clear text", config: year, certs: certified, proto: "http"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, _ *http.Request) {
					if c.backend != "" {
						w.Header().Set("Strict-Transport-Security", c.backend)
					}
					w.Header().Set("Backend", "here")
				})
				host := c.host
				if host == "" {
					host = appHost
				}
				g := start(t, app(gatelodge.BackendHTTP, backend), func(s *gatelodge.Snapshot) {
					h := onlyHost(s)
					h.Name, h.Certificates = gatelodge.Name(host), c.certs
					h.Routes[0].Policy = &gatelodge.Policy{HSTS: c.policy, Redirect: gatelodge.RedirectNever}
					s.Hosts = gatelodge.HostMap(h)
					s.Settings.HSTS = c.config
					s.Settings.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				})
				r := newRequest(t, "GET", m.url(host, "/"), nil)
				if c.proto != "" {
					r.Header.Set("X-Forwarded-Proto", c.proto)
				}
				answer := do(t, g.client(m), r)
				want := c.clear
				if m.tls() {
					want = c.secure
				}
				got := answer.Header.Values("Strict-Transport-Security")
				if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || got[0] != want) || answer.Header.Get("Backend") != "here" {
					t.Errorf("got %q, want %q, in %d %v", got, want, answer.StatusCode, answer.Header)
				}
			})
		})
	}
}

// TestHSTSOnOurOwnAnswers: our own error responses have the field, too.
func TestHSTSOnOurOwnAnswers(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP), settings(func(s *gatelodge.Settings) { s.HSTS = "max-age=1" }))
	for _, m := range []mode{h1tls, h2} {
		for range 2 { // the second has the memory of the first
			if a := g.get(m, "/"); a.StatusCode != 503 || a.Header.Get("Strict-Transport-Security") != "max-age=1" {
				t.Errorf("%s: got %d with %v", m, a.StatusCode, a.Header)
			}
		}
	}
}

package proxy

import (
	"net/netip"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestRedirectToHTTPS(t *testing.T) {
	certified := []*gatelodge.Certificate{{Names: []gatelodge.Name{appHost}}}
	const path = "/a%2Fb?q=1&r=%20"
	for _, c := range []struct {
		name     string
		redirect gatelodge.Redirect
		certs    []*gatelodge.Certificate
		off      bool   // redirectHTTPS: false
		port     uint16 // of the HTTPS listener
		fields   map[string]string
		path     string
		want     string // Location; "" for an answer of the backend
	}{
		{name: "a certified host", certs: certified, path: path, want: "https://" + appHost + path},
		{name: "on a port of its own", certs: certified, port: 8443, path: path, want: "https://" + appHost + ":8443" + path},
		{name: "the path is canonical", certs: certified, path: "/x/../%61", want: "https://" + appHost + "/a"},
		{name: "a host without a certificate", path: path},
		{name: "ssl-redirect false", redirect: gatelodge.RedirectNever, certs: certified, path: path},
		{name: "force-ssl-redirect", redirect: gatelodge.RedirectAlways, path: path, want: "https://" + appHost + path},
		{name: "turned off for all", certs: certified, off: true, path: path},
		{name: "forced all the same", redirect: gatelodge.RedirectAlways, off: true, path: path, want: "https://" + appHost + path},
		{name: "a trusted proxy says https", certs: certified, fields: map[string]string{"X-Forwarded-Proto": "https"}, path: path},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), func(s *gatelodge.Snapshot) {
					onlyHost(s).Certificates = c.certs
					onlyHost(s).Routes[0].Policy = &gatelodge.Policy{Redirect: c.redirect}
					s.Settings.RedirectHTTPS = !c.off
					s.Settings.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
					if c.port != 0 {
						s.Listeners[1].PublicPort = c.port
					}
				})
				r := newRequest(t, "POST", m.url("App.example.com.", c.path), nil)
				r.URL.Host = appHost
				for name, value := range c.fields {
					r.Header.Set(name, value)
				}
				answer := do(t, g.client(m), r)
				want, status := c.want, 308
				if m.tls() {
					want = ""
				}
				if want == "" {
					status = 200
				}
				if answer.StatusCode != status || answer.Header.Get("Location") != want {
					t.Errorf("got %d to %q, want %d to %q", answer.StatusCode, answer.Header.Get("Location"), status, want)
				}
			})
		})
	}
}

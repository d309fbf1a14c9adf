package proxy

import (
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestChallenge: a CA gets the response to its challenge for any name, served or
// not, and is never redirected; all other paths are the backend's.
func TestChallenge(t *testing.T) {
	const response = "token.thumbprint"
	for _, c := range []struct {
		name, host, path string
		want             string // "": not the answer
	}{
		{"of a host", appHost, challengePath + "token", response},
		{"of a name that is not served", "new.example.net", challengePath + "new", "new.thumbprint"},
		{"of a name in other letters", "APP.example.com.", challengePath + "token", response},
		{"another token", appHost, challengePath + "other", ""},
		{"the token of another name", appHost, challengePath + "new", ""},
		{"a path below", appHost, challengePath + "token/x", ""},
		{"a DNS challenge", appHost, challengePath, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), func(s *gatelodge.Snapshot) {
					onlyHost(s).Routes[0].Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectAlways, BasicAuth: &gatelodge.BasicAuth{}}
					s.Challenges = []gatelodge.Challenge{
						{Type: gatelodge.HTTP01, Name: appHost, Token: "token", Response: response},
						{Type: gatelodge.HTTP01, Name: "new.example.net", Token: "new", Response: "new.thumbprint"},
						{Type: gatelodge.DNS01, Name: appHost, Response: "text"},
					}
				})
				r := newRequest(t, "GET", m.url(c.host, c.path), nil)
				if m.tls() {
					r.URL.Host = appHost // the connection's; CAs follow redirects to any certificate
					if !strings.EqualFold(strings.TrimSuffix(c.host, "."), appHost) {
						return // misdirected (421)
					}
				}
				answer := do(t, g.client(m), r)
				got := strings.TrimSpace(answer.body)
				if c.want == "" {
					if answer.StatusCode == 200 {
						t.Errorf("got %q, want none of the answers", got)
					}
				} else if answer.StatusCode != 200 || got != c.want {
					t.Errorf("got %d %q, want 200 %q", answer.StatusCode, got, c.want)
				}
			})
		})
	}
}

package proxy

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func networksOf(text string) gatelodge.Networks {
	var prefixes []netip.Prefix
	for item := range strings.FieldsSeq(text) {
		prefixes = append(prefixes, netip.MustParsePrefix(item))
	}
	return gatelodge.NetworksOf(prefixes...)
}

// TestClientAddress: the address that counts is the peer's, or what a trusted
// proxy says, and nothing that a client says of itself.
func TestClientAddress(t *testing.T) {
	for _, c := range []struct {
		name        string
		allow, deny string
		trusted     string // the network of the proxies that are believed
		fields      string // "name: value" of the request
		want        int
	}{
		{name: "allowed", allow: "127.0.0.0/8", want: 200},
		{name: "not allowed", allow: "10.0.0.0/8 ::/0", want: 403},
		{name: "denied", deny: "127.0.0.1/32", want: 403},
		{name: "not denied", deny: "10.0.0.0/8 ::/0", want: 200},
		{name: "denied though allowed", allow: "127.0.0.0/8", deny: "127.0.0.0/16", want: 403},
		{name: "allowed and not denied", allow: "127.0.0.0/8", deny: "127.1.0.0/16", want: 200},
		{name: "the client's own word does not count", allow: "10.0.0.0/8", fields: "X-Forwarded-For: 10.0.0.1", want: 403},
		{name: "nor where it is denied", deny: "127.0.0.0/8", fields: "X-Forwarded-For: 10.0.0.1", want: 403},
		{name: "nor X-Real-Ip", allow: "10.0.0.0/8", trusted: "127.0.0.0/8", fields: "X-Real-Ip: 10.0.0.1", want: 403},
		{name: "a trusted proxy's word", allow: "10.0.0.0/8", trusted: "127.0.0.0/8", fields: "X-Forwarded-For: 10.0.0.1", want: 200},
		{name: "what the client told the proxy", allow: "10.0.0.0/8", trusted: "127.0.0.0/8", fields: "X-Forwarded-For: 10.0.0.1, 192.0.2.1", want: 403},
		{name: "by way of two proxies", allow: "2001:db8::/32", trusted: "127.0.0.0/8 10.0.0.0/8", fields: "X-Forwarded-For: 192.0.2.1, 2001:db8::1, 10.0.0.1", want: 200},
		{name: "an IPv4 address as an IPv6 one", deny: "192.0.2.0/24", trusted: "127.0.0.0/8", fields: "X-Forwarded-For: ::ffff:192.0.2.1", want: 403},
		{name: "Forwarded", deny: "2001:db8::/32", trusted: "127.0.0.0/8", fields: `Forwarded: for="[2001:db8::1]:4711"`, want: 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), func(s *gatelodge.Snapshot) {
					onlyHost(s).Routes[0].Policy = &gatelodge.Policy{AllowFrom: networksOf(c.allow), DenyFrom: networksOf(c.deny)}
					s.Settings.Trust.Forwarded = networksOf(c.trusted)
				})
				r := newRequest(t, "GET", m.url(appHost, "/"), nil)
				if name, value, ok := strings.Cut(c.fields, ": "); ok {
					r.Header.Set(name, value)
				}
				if got := do(t, g.client(m), r); got.StatusCode != c.want {
					t.Errorf("got %d %q, want %d", got.StatusCode, got.body, c.want)
				}
			})
		})
	}
}

// TestClientAddressIsBehindNoPath: a path that a backend may read as that of a
// route with another list is refused, and one that has every address is no list.
func TestClientAddressIsBehindNoPath(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) })
		g := start(t, app(gatelodge.BackendHTTP, backend), func(s *gatelodge.Snapshot) {
			routes := []*gatelodge.Route{route1("/reports", appKey), route1("/admin", appKey), route1("/", appKey)}
			routes[0].Policy = &gatelodge.Policy{DenyFrom: networksOf("127.0.0.0/8")}
			routes[1].Policy = &gatelodge.Policy{AllowFrom: networksOf("10.0.0.0/8")}
			onlyHost(s).Routes = routes
		})
		for path, want := range map[string]int{
			"/admin/x": 403, "/reports": 403, "/shop//cart": 200,
			"//admin": 400, "/x/..;/admin": 400, "/ADMIN": 400, "/x%2F..%2Freports": 400, "/reports;x": 400,
		} {
			if got := g.get(m, path); got.StatusCode != want {
				t.Errorf("%s: got %d, want %d", path, got.StatusCode, want)
			}
		}
	})
}

// TestClientAddressAndOthers: a request in clear text is redirected first, as in
// nginx, which looks at lists after that; a password does not help, and our own
// ACME challenges are answered to every CA.
func TestClientAddressAndOthers(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), func(s *gatelodge.Snapshot) {
			onlyHost(s).Routes[0].Policy = &gatelodge.Policy{
				Redirect: gatelodge.RedirectAlways, AllowFrom: networksOf("10.0.0.0/8"),
				BasicAuth: &gatelodge.BasicAuth{Users: map[string]gatelodge.PasswordHash{"bcrypt": parseHash(t, hashes[0].hash)}},
			}
			s.Challenges = []gatelodge.Challenge{{Type: gatelodge.HTTP01, Name: appHost, Token: "token", Response: "token.thumbprint"}}
		})
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		r.SetBasicAuth(hashes[0].user, hashes[0].password)
		want := 308
		if m.tls() {
			want = 403
		}
		if got := do(t, g.client(m), r); got.StatusCode != want {
			t.Errorf("got %d, want %d", got.StatusCode, want)
		}
		if got := g.get(m, challengePath+"token"); got.StatusCode != 200 {
			t.Errorf("the challenge: got %d", got.StatusCode)
		}
	})
}

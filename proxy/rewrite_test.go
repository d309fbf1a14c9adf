package proxy

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestRewrite: what a backend gets. The expected paths are those of nginx 1.22 with
// the location and the rewrite directive that ingress-nginx makes of the path and
// the target, but for the cases that say what differs.
func TestRewrite(t *testing.T) {
	group := func(n int) gatelodge.RewritePart { return gatelodge.RewritePart{Group: n} }
	text := func(s string) gatelodge.RewritePart { return gatelodge.RewritePart{Text: s} }
	parts := func(p ...gatelodge.RewritePart) []gatelodge.RewritePart { return p }
	second := &gatelodge.Rewrite{Path: parts(text("/"), group(2))}
	const something = "/something(/|$)(.*)"
	for _, c := range []struct {
		pattern string
		rewrite *gatelodge.Rewrite
		path    string
		want    string // the backend's; "": 404
	}{
		{something, second, "/something", "/"},
		{something, second, "/something/", "/"},
		{something, second, "/something/new", "/new"},
		{something, second, "/something/a/b/?q=1", "/a/b/?q=1"},
		{something, second, "/SomeThing/New", "/New"},
		{something, second, "/something/a%20b", "/a%20b"},
		{something, second, "/something/%C3%A9", "/%C3%A9"},
		{something, second, "/something/a%2525", "/a%2525"},
		{something, second, "/something/a%3Fb", "/a%3Fb"},
		{something, second, "/something/a%2Fb", "/a%2Fb"}, // nginx decodes it to a slash
		{something, second, "/something/x/../y", "/y"},
		{something, second, "/somethings", ""},
		{something, second, "/other", ""},
		{something, nil, "/something/new", "/something/new"},
		{"/foo", &gatelodge.Rewrite{Path: parts(text("/bar"))}, "/foo/x", "/bar"},
		{"/foo", &gatelodge.Rewrite{Path: parts(text("/bar"))}, "/foobar", "/bar"},
		{"/foo/(.*)", &gatelodge.Rewrite{Path: parts(text("/"), group(1), text("/"), group(7))}, "/foo/x", "/x/"},
		{"/user/([^/]+)", &gatelodge.Rewrite{Path: parts(text("/get")), Query: parts(text("name="), group(1))}, "/user/jane", "/get?name=jane"},
		{"/user/([^/]+)", &gatelodge.Rewrite{Path: parts(text("/get")), Query: parts(text("name="), group(1))}, "/user/jane?x=1", "/get?name=jane&x=1"},
		{"/user/([^/]+)", &gatelodge.Rewrite{Path: parts(text("/get")), Query: parts(text("name="), group(1))}, "/user/a&b=c", "/get?name=a%26b%3Dc"}, // nginx lets a path add arguments
		{"/user/([^/]+)", &gatelodge.Rewrite{Path: parts(text("/get")), DropQuery: true}, "/user/jane?x=1", "/get"},
		{"/dots(.*)", &gatelodge.Rewrite{Path: parts(text("/a/"), group(1))}, "/dots../b", "/b"}, // nginx sends the dots
		{"/[a-z]+/v[0-9]+", nil, "/api/v2/x", "/api/v2/x"},
	} {
		t.Run(c.pattern+" "+c.path, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
					fmt.Fprint(w, r.RequestURI)
				})), func(s *gatelodge.Snapshot) {
					route := onlyHost(s).Routes[0]
					route.Path, route.Match, route.Pattern = c.pattern, gatelodge.PathPattern, regexp.MustCompile("(?i)^"+c.pattern)
					route.Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectNever, Rewrite: c.rewrite}
				})
				answer := do(t, g.client(m), newRequest(t, "GET", m.url(appHost, c.path), nil))
				if got := answer.body; c.want != "" && (answer.StatusCode != 200 || got != c.want) || c.want == "" && answer.StatusCode != 404 {
					t.Errorf("got %d %q, want %q", answer.StatusCode, got, c.want)
				}
			})
		})
	}
}

// TestFieldsOfRewrites: the host and the prefix that a backend is told; the log and
// X-Forwarded-Host keep the client's.
func TestFieldsOfRewrites(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		for _, protocol := range []gatelodge.BackendProtocol{gatelodge.BackendHTTP, gatelodge.BackendH2C} {
			g := start(t, app(protocol, backendServer(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, r.Host, " ", r.Header["X-Forwarded-Host"], " ", r.Header["X-Forwarded-Prefix"])
			})), func(s *gatelodge.Snapshot) {
				onlyHost(s).Routes[0].Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectNever, UpstreamHost: "inner.example.test:8080", ForwardedPrefix: "/app"}
			})
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			r.Header.Set("X-Forwarded-Prefix", "/forged")
			if got, want := do(t, g.client(m), r).body, "inner.example.test:8080 ["+r.URL.Host+"] [/app]"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if line := g.lines(1)[0]; line["host"] != r.URL.Host {
				t.Errorf("the log has host %v", line["host"])
			}
		}
	})
}

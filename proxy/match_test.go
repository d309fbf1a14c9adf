package proxy

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestPathExamples are the rows of the table "Examples" under "Path types" in
// the Kubernetes documentation of Ingress.
func TestPathExamples(t *testing.T) {
	prefix := func(paths ...string) []string { return paths }
	for _, c := range []struct {
		exact   string
		prefix  []string
		request string
		want    string // the path of the route; "" for none
	}{
		{prefix: prefix("/"), request: "/any/path", want: "/"},
		{exact: "/foo", request: "/foo", want: "/foo"},
		{exact: "/foo", request: "/bar"},
		{exact: "/foo", request: "/foo/"},
		{exact: "/foo/", request: "/foo"},
		{prefix: prefix("/foo"), request: "/foo", want: "/foo"},
		{prefix: prefix("/foo"), request: "/foo/", want: "/foo"},
		{prefix: prefix("/foo/"), request: "/foo", want: "/foo/"},
		{prefix: prefix("/foo/"), request: "/foo/", want: "/foo/"},
		{prefix: prefix("/aaa/bb"), request: "/aaa/bbb"},
		{prefix: prefix("/aaa/bbb"), request: "/aaa/bbb", want: "/aaa/bbb"},
		{prefix: prefix("/aaa/bbb/"), request: "/aaa/bbb", want: "/aaa/bbb/"},
		{prefix: prefix("/aaa/bbb"), request: "/aaa/bbb/", want: "/aaa/bbb"},
		{prefix: prefix("/aaa/bbb"), request: "/aaa/bbb/ccc", want: "/aaa/bbb"},
		{prefix: prefix("/aaa/bbb"), request: "/aaa/bbbxyz"},
		{prefix: prefix("/aaa", "/"), request: "/aaa/ccc", want: "/aaa"},
		{prefix: prefix("/aaa", "/"), request: "/ccc", want: "/"},
		{prefix: prefix("/aaa"), request: "/ccc"},
		{exact: "/foo", prefix: prefix("/foo"), request: "/foo", want: "/foo"},

		// No escape bypasses a path.
		{prefix: prefix("/caf%C3%A9", "/"), request: "/caf%c3%a9/a", want: "/caf%C3%A9"},
		{prefix: prefix("/a+b", "/"), request: "/a%2Bb", want: "/a+b"},
		{exact: "/a%20b", prefix: prefix("/"), request: "/%61%20b", want: "/a%20b"},
		{exact: "/a%2Fb", prefix: prefix("/a"), request: "/a%2fb", want: "/a%2Fb"},
		{prefix: prefix("/a", "/"), request: "/a%2Fb", want: "/"},
	} {
		t.Run(fmt.Sprint(c.exact, c.prefix, c.request), func(t *testing.T) {
			g := start(t, func(s *gatelodge.Snapshot) {
				h := host1(appHost)
				if c.exact != "" {
					r := route1(c.exact, c.exact)
					r.Match = gatelodge.PathExact
					h.Routes = append(h.Routes, r)
				}
				for _, p := range c.prefix {
					h.Routes = append(h.Routes, route1(p, p))
				}
				for _, r := range h.Routes {
					addBackends(s, namedBackend(t, string(r.Backend), r.Path))
				}
				addHosts(s, h)
			})
			answer := g.get(h1, c.request)
			if c.want == "" {
				if answer.StatusCode != 404 {
					t.Fatalf("got %d, want 404", answer.StatusCode)
				}
				return
			}
			if answer.body != c.want {
				t.Errorf("got to the backend of %q, want %q", answer.body, c.want)
			}
		})
	}
}

// namedBackend responds with its name.
func namedBackend(t *testing.T, key, name string) *gatelodge.Backend {
	address := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, name)
	})
	return &gatelodge.Backend{
		Key: gatelodge.BackendKey(key), Namespace: "shop", Service: "web", Protocol: gatelodge.BackendHTTP,
		Endpoints: []gatelodge.Endpoint{{Address: address}},
	}
}

// TestHostExamples are the rows of the table under "Hostname wildcards" in the
// Kubernetes documentation of Ingress, and the order of specificity.
func TestHostExamples(t *testing.T) {
	for _, c := range []struct {
		hosts   []gatelodge.Name
		request string
		want    string
	}{
		{[]gatelodge.Name{"*.foo.com"}, "bar.foo.com", "*.foo.com"},
		{[]gatelodge.Name{"*.foo.com"}, "baz.bar.foo.com", ""},
		{[]gatelodge.Name{"*.foo.com"}, "foo.com", ""},
		{[]gatelodge.Name{"*.foo.com", "bar.foo.com"}, "bar.foo.com", "bar.foo.com"},
		{[]gatelodge.Name{"*.foo.com", "bar.foo.com", ""}, "bar.bar.foo.com", "any"},
		{[]gatelodge.Name{"", "foo.com"}, "192.0.2.1", "any"},
		{[]gatelodge.Name{"foo.com"}, "192.0.2.1", ""},
		{[]gatelodge.Name{"foo.com"}, "FOO.Com.:8080", "foo.com"},
		{[]gatelodge.Name{"*.foo.com"}, "*.foo.com", "bad"},
		{[]gatelodge.Name{"*.foo.com"}, ".foo.com", "bad"},
	} {
		t.Run(fmt.Sprint(c.hosts, c.request), func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, func(s *gatelodge.Snapshot) {
					for _, name := range c.hosts {
						key := string(name)
						if key == "" {
							key = "any"
						}
						addHosts(s, host1(name, route1("/", key)))
						addBackends(s, namedBackend(t, key, key))
					}
				})
				r := newRequest(t, "GET", m.url(appHost, "/"), nil)
				r.Host = c.request
				answer := do(t, g.client(m), r)
				got := answer.body
				switch answer.StatusCode {
				case 404:
					got = ""
				case 400:
					got = "bad"
				}
				if got != c.want {
					t.Errorf("got to %q, want %q", got, c.want)
				}
			}, h1, h2c)
		})
	}
}

func TestMisdirected(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, func(s *gatelodge.Snapshot) {
			for _, name := range []gatelodge.Name{"app.example.com", "shop.example.com", "other.example.net"} {
				addHosts(s, host1(name, route1("/", appKey)))
			}
			addBackends(s, namedBackend(t, appKey, "here"))
		})
		for host, want := range map[string]int{
			"app.example.com":    200,
			"shop.example.com":   200, // the certificate shown is for it too
			"other.example.net":  421,
			"App.Example.Com.:1": 200,
		} {
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			r.Host = host
			if answer := do(t, g.client(m), r); answer.StatusCode != want {
				t.Errorf("%s on a connection for %s: got %d, want %d", host, appHost, answer.StatusCode, want)
			}
		}
	}, h1tls, h2)
}

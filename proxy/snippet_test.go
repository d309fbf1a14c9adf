package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// literal is text without variables.
func literal(text string) gatelodge.Template { return gatelodge.Template{{Text: text}} }

// rewriteTo is a rewrite of the paths that match.
func rewriteTo(pattern, path string, then gatelodge.SnippetThen) *gatelodge.SnippetRewrite {
	return &gatelodge.SnippetRewrite{Pattern: regexp.MustCompile(pattern), Path: literal(path), Then: then}
}

// snippetRoutes starts a gateway of several routes, "/" first, which have the Policies
// and belong to the namespaces.
func snippetRoutes(t *testing.T, routes ...*gatelodge.Route) *gateway {
	t.Helper()
	backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.RequestURI, " ", r.Header.Get("X-User"))
	})
	return start(t, app(gatelodge.BackendHTTP, backend), func(s *gatelodge.Snapshot) {
		host := onlyHost(s)
		for _, r := range routes {
			r.Backend, r.Policy.Redirect = host.Routes[0].Backend, gatelodge.RedirectNever
		}
		host.Routes = routes
	})
}

func ruleAt(path, namespace string, policy *gatelodge.Policy) *gatelodge.Route {
	return &gatelodge.Route{Path: path, Policy: policy, Object: gatelodge.Object{Kind: "Ingress", Namespace: namespace, Name: "x"}}
}

// TestRewrittenPathHasItsRoutesProtections: a path that a snippet makes leads past no
// password and no address list, to no route of another namespace, and round for ever
// neither.
func TestRewrittenPathHasItsRoutesProtections(t *testing.T) {
	everything := gatelodge.NetworksOf(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
	snippet := &gatelodge.Snippet{Key: "a", Protects: true, Scope: &gatelodge.SnippetScope{}, Location: []gatelodge.SnippetStep{
		rewriteTo("^/to-admin$", "/admin", gatelodge.ThenRoute),
		rewriteTo("^/go-on$", "/admin/x", gatelodge.ThenGoOn),
		rewriteTo("^/to-denied$", "/denied", gatelodge.ThenRoute),
		rewriteTo("^/to-guest$", "/guest", gatelodge.ThenRoute),
		rewriteTo("^/to-nothing$", "/a%2F../b", gatelodge.ThenRoute),
		rewriteTo("^/confused$", "//admin", gatelodge.ThenRoute),
		rewriteTo("^/round$", "/round", gatelodge.ThenRoute),
		rewriteTo("^/stay$", "/admin", gatelodge.ThenStay),
	}}
	server := &gatelodge.Snippet{Key: "b", Protects: true, Scope: &gatelodge.SnippetScope{}, Server: []gatelodge.SnippetStep{
		rewriteTo("^/server/admin$", "/admin", gatelodge.ThenRoute),
		rewriteTo("^/server/guest$", "/guest", gatelodge.ThenRoute),
	}}
	g := snippetRoutes(t,
		ruleAt("/admin", "shop", &gatelodge.Policy{BasicAuth: &gatelodge.BasicAuth{Realm: "r", Users: map[string]gatelodge.PasswordHash{}}}),
		ruleAt("/denied", "shop", &gatelodge.Policy{DenyFrom: everything}),
		ruleAt("/guest", "crm", &gatelodge.Policy{}),
		ruleAt("/server", "shop", &gatelodge.Policy{Snippet: server}),
		ruleAt("/", "shop", &gatelodge.Policy{Snippet: snippet}),
	)
	inModes(t, func(t *testing.T, m mode) {
		for path, want := range map[string]int{
			"/to-admin": 401, "/go-on": 401, "/to-denied": 403, "/to-guest": 404, "/to-nothing": 400, "/confused": 400, "/round": 500, "/stay": 200, "/other": 200,
			"/server/admin": 401, "/server/guest": 404, "/server/x": 200, "/guest": 200,
		} {
			if answer := g.get(m, path); answer.StatusCode != want {
				t.Errorf("%s: %d %s, want %d", path, answer.StatusCode, answer.body, want)
			}
		}
	})
}

// TestSnippetBeforeProtections: what is answered by a return needs no password, as in
// nginx, and a route that can't be served does nothing that a snippet says.
func TestSnippetBeforeProtections(t *testing.T) {
	answers := &gatelodge.Snippet{Scope: &gatelodge.SnippetScope{}, Location: []gatelodge.SnippetStep{&gatelodge.SnippetReturn{Status: 200, Text: literal("mine")}}}
	g := snippetRoutes(t,
		ruleAt("/out", "shop", &gatelodge.Policy{Snippet: answers, Unavailable: "a reason"}),
		ruleAt("/", "shop", &gatelodge.Policy{Snippet: answers, BasicAuth: &gatelodge.BasicAuth{Realm: "r", Users: map[string]gatelodge.PasswordHash{}}}),
	)
	inModes(t, func(t *testing.T, m mode) {
		if answer := g.get(m, "/"); answer.StatusCode != 200 || answer.body != "mine" {
			t.Errorf("%d %q, want the snippet's answer", answer.StatusCode, answer.body)
		}
		if answer := g.get(m, "/out"); answer.StatusCode != 503 {
			t.Errorf("a route that can't be served: %d, want 503", answer.StatusCode)
		}
	})
}

// TestSnippetTextIsBounded: variables that double each other end a request rather than
// take memory.
func TestSnippetTextIsBounded(t *testing.T) {
	a := gatelodge.TemplatePart{Value: gatelodge.SnippetVariable, Text: "a"}
	steps := []gatelodge.SnippetStep{&gatelodge.SnippetSet{Variable: "a", Value: literal("0123456789")}}
	for range 60 {
		steps = append(steps, &gatelodge.SnippetSet{Variable: "a", Value: gatelodge.Template{a, a}})
	}
	g := snippetRoutes(t, ruleAt("/", "shop", &gatelodge.Policy{Snippet: &gatelodge.Snippet{Scope: &gatelodge.SnippetScope{}, Location: steps}}))
	if answer := g.get(h1, "/"); answer.StatusCode != 500 {
		t.Errorf("%d, want 500", answer.StatusCode)
	}
}

// TestSnippetMakesNoField: what a client sends can't begin a field of its own by a
// redirect that holds it.
func TestSnippetMakesNoField(t *testing.T) {
	group := gatelodge.TemplatePart{Value: gatelodge.PatternGroup, Text: "1"}
	g := snippetRoutes(t, ruleAt("/", "shop", &gatelodge.Policy{Snippet: &gatelodge.Snippet{Scope: &gatelodge.SnippetScope{}, Location: []gatelodge.SnippetStep{
		&gatelodge.SnippetRewrite{Pattern: regexp.MustCompile("(?s)^/q/(.*)$"), Path: literal("/new"), Query: gatelodge.Template{{Text: "a="}, group}, Then: gatelodge.ThenStay},
		&gatelodge.SnippetRewrite{Pattern: regexp.MustCompile("(?s)^/(.*)$"), Path: gatelodge.Template{{Text: "https://new.test/"}, group}, Redirect: 301},
	}}}))
	inModes(t, func(t *testing.T, m mode) {
		answer := g.get(m, "/a%0d%0aSet-Cookie:%20x=y%20")
		if location := answer.Header.Get("Location"); answer.StatusCode != 301 || strings.ContainsAny(location, "\r\n ") || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("%d %q", answer.StatusCode, location)
		}
		if answer := g.get(m, "/q/1&b=2"); answer.body != "/new?a=1%26b%3D2 " {
			t.Errorf("the backend got %q, want one argument", answer.body)
		}
	})
}

// TestClearedFieldIsNoTrailer: a field that a snippet takes away does not come back
// behind the body.
func TestClearedFieldIsNoTrailer(t *testing.T) {
	backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 16)
		for {
			if _, err := r.Body.Read(buffer); err != nil {
				break
			}
		}
		fmt.Fprintf(w, "%q %q %q", r.Trailer.Get("X-User-Name"), r.Trailer.Get("X-Role"), r.Trailer.Get("X-Sum"))
	})
	g := start(t, app(gatelodge.BackendHTTP, backend), func(s *gatelodge.Snapshot) {
		onlyHost(s).Routes[0].Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectNever, Snippet: &gatelodge.Snippet{Scope: &gatelodge.SnippetScope{
			Input: []gatelodge.FieldEdit{{Change: gatelodge.ClearField, Name: "x-user-", Prefix: true}, {Name: "x-role", Value: literal("guest")}},
		}}}
	})
	inModes(t, func(t *testing.T, m mode) {
		body := struct{ *strings.Reader }{strings.NewReader("body")}
		r := newRequest(t, "POST", m.url(appHost, "/"), body)
		r.ContentLength = -1
		r.Trailer = http.Header{"X-User-Name": {"eve"}, "X-Role": {"admin"}, "X-Sum": {"1"}}
		if answer := do(t, g.client(m), r); answer.body != `"" "" "1"` {
			t.Errorf("the backend got the trailers %s", answer.body)
		}
	})
}

// TestLocationsLeaveOthersAlone: the locations of a server-snippet are nothing to the
// paths that another namespace has at the host.
func TestLocationsLeaveOthersAlone(t *testing.T) {
	location := func(text string) *gatelodge.Policy {
		return &gatelodge.Policy{Snippet: &gatelodge.Snippet{Key: text, Protects: true, Answers: true, Scope: &gatelodge.SnippetScope{},
			Location: []gatelodge.SnippetStep{&gatelodge.SnippetReturn{Status: 200, Text: literal(text)}}}}
	}
	pattern, begins, first := ruleAt(`\.php$`, "shop", location("php")), ruleAt("/guest/in", "shop", location("start")), ruleAt("/first", "shop", location("first"))
	pattern.Match, pattern.Pattern = gatelodge.PathPattern, regexp.MustCompile(`\.php$`)
	begins.Match, first.Match = gatelodge.PathStart, gatelodge.PathStartFirst
	g := snippetRoutes(t, pattern, begins, first, ruleAt("/guest", "crm", &gatelodge.Policy{}), ruleAt("/", "shop", &gatelodge.Policy{}))
	for path, want := range map[string]string{
		"/guest/x.php": "/guest/x.php ", "/guest/inside": "/guest/inside ", "/x.php": "php", "/first/x.php": "first", "/firsts": "first", "/": "/ ",
	} {
		if answer := g.get(h1, path); answer.body != want {
			t.Errorf("%s: %q, want %q", path, answer.body, want)
		}
	}
}

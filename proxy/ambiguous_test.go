package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// confusable is a host with an open route, one behind credentials, another
// behind the same, and two that differ in letters only.
func confusable(t *testing.T) func(*gatelodge.Snapshot) {
	users := func() *gatelodge.BasicAuth {
		return &gatelodge.BasicAuth{Realm: "admin", Users: map[string]gatelodge.PasswordHash{"anna": parseHash(t, hashes[0].hash)}}
	}
	address := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RequestURI) })
	return func(s *gatelodge.Snapshot) {
		app(gatelodge.BackendHTTP, address)(s)
		routes := []*gatelodge.Route{
			route1("/Case/b", appKey), route1("/case/b", appKey), route1("/admin/users", appKey), route1("/api/v1", appKey), route1("/admin", appKey), route1("/", appKey),
		}
		routes[0].Policy = &gatelodge.Policy{BasicAuth: users()}
		routes[2].Policy = &gatelodge.Policy{BasicAuth: users()} // the same, written down again
		routes[4].Policy = &gatelodge.Policy{BasicAuth: users()}
		onlyHost(s).Routes = routes
	}
}

// TestPathConfusion: no path that a backend may read as that of a protected
// route gets past the protection, and no other is touched.
func TestPathConfusion(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, confusable(t))
		client := g.client(m)
		ask := func(path string) answerOf { return do(t, client, newRequest(t, "GET", m.url(appHost, path), nil)) }
		for _, attack := range []string{
			"//admin", "///admin/x", "/%2Fadmin", "/%2fadmin", "/x%2F..;/admin", "/x%5C..;%5Cadmin", "/%5Cadmin",
			"/;/admin", "/x/..;/admin", "/x/..;a=b/admin", "/x;a/..;b/admin", "/./x/..;/admin", "/x/%2E%2E;/admin",
			"/admin;x", "/ADMIN", "/Admin/x", "/aDmin;x", "//ADMIN",
			"/%2561dmin", "/%252561dmin", "/%252Fadmin", "/%255Cadmin", "/x/%252e%252e/admin", "/x/..%253b/admin", "/x%252f..%252fadmin",
			"/admin/..;/", // the other way round
		} {
			if got := ask(attack); got.StatusCode != 400 {
				t.Errorf("%s: got %d %q, want 400", attack, got.StatusCode, got.body)
			}
		}
		for _, fine := range []string{
			"/", "/shop//cart", "/shop%2Fcart", "/shop%5Ccart", "/shop;v=1/cart", "/shop/a..;/b", "/Shop/CART", "/100%25", "/a%252Fb",
			"/administrator", "/x//administrator;y", "/api/v1//x", "/shop/admin", "/shop//admin", "/%20admin", "/case/b", "/case/b//",
		} {
			if got := ask(fine + "?q=/admin"); got.StatusCode != 200 || got.body != fine+"?q=/admin" {
				t.Errorf("%s: got %d %q", fine, got.StatusCode, got.body)
			}
		}
		for _, protected := range []string{"/admin", "/admin//x", "/admin/a;b", "/admin/%2f", "/admin//users", "/admin/USERS", "/Case/b"} {
			if got := ask(protected); got.StatusCode != 401 {
				t.Errorf("%s: got %d, want 401", protected, got.StatusCode)
			}
		}
	})
}

// TestPathConfusionIsLogged: the log says how the path can be read.
func TestPathConfusionIsLogged(t *testing.T) {
	g := start(t, confusable(t))
	_ = g.get(h1, "/x/..;/admin")
	if reason, _ := g.lines(1)[0]["reason"].(string); reason != "the path can be read as /admin, to which route /admin with other protections applies" {
		t.Errorf("logged %q", reason)
	}
	_ = g.get(h1, "/"+strings.Repeat("%2525252525252525252525252525252525252561;a//%252F..;/", 100))
	if reason, _ := g.lines(2)[1]["reason"].(string); !strings.Contains(reason, "too many ways") {
		t.Errorf("logged %q", reason)
	}
}

// TestAmbiguousPathsAllowed: the configuration lets them pass, and a host
// without protections never asks.
func TestAmbiguousPathsAllowed(t *testing.T) {
	g := start(t, confusable(t), settings(func(s *gatelodge.Settings) { s.AmbiguousPaths = true }))
	if got := g.get(h1, "//admin"); got.StatusCode != 200 || got.body != "//admin" {
		t.Errorf("got %d %q", got.StatusCode, got.body)
	}
	g = start(t, confusable(t), func(s *gatelodge.Snapshot) {
		for _, r := range onlyHost(s).Routes {
			r.Policy = &gatelodge.Policy{}
		}
	})
	if got := g.get(h1, "/x/..;//admin"); got.StatusCode != 200 || got.body != "/x/..;//admin" {
		t.Errorf("without protections: got %d %q", got.StatusCode, got.body)
	}
}

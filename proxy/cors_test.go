package proxy

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// The expectations are those of ingress-nginx's template, block "CORS", and of
// buildCorsOriginRegex: more_set_headers for all statuses where the origin matches,
// return 204 for OPTIONS in the rewrite phase, nothing where it does not match. "Vary"
// is our own.

func corsOf(origins ...string) *gatelodge.CORS {
	c := &gatelodge.CORS{Credentials: true, Methods: "GET, PUT", Headers: "X-One,X-Two", Expose: "X-Three", MaxAge: 10 * time.Minute}
	for _, o := range origins {
		if o == "*" {
			c.AnyOrigin = true
			return c
		}
		c.Origins = append(c.Origins, o)
	}
	slices.Sort(c.Origins)
	return c
}

// corsBackend has CORS fields of its own.
func corsBackend(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "https://backend.example.test")
	w.Header().Set("Access-Control-Allow-Methods", "TRACE")
	w.Header().Set("Vary", "Accept")
	w.Header().Set("X-Method", r.Method)
	if r.URL.Path == "/missing" {
		w.WriteHeader(404)
	}
}

func TestCORS(t *testing.T) {
	const app1, sub = "https://app.example.test", "https://*.example.test:8443"
	for _, c := range []struct {
		name    string
		cors    *gatelodge.CORS
		origin  string // "": the request has none
		allowed string // Access-Control-Allow-Origin; "": it is the backend's
		vary    []string
	}{
		{"any origin", corsOf("*"), app1, "*", []string{"Accept"}},
		{"any origin, without one", corsOf("*"), "", "*", []string{"Accept"}},
		{"the origin", corsOf(app1, "https://other.test"), app1, app1, []string{"Accept", "Origin"}},
		{"the origin in other letters", corsOf(app1), "HTTPS://App.Example.test", "HTTPS://App.Example.test", []string{"Accept", "Origin"}},
		{"another scheme", corsOf(app1), "http://app.example.test", "", []string{"Accept", "Origin"}},
		{"another port", corsOf(app1), app1 + ":8443", "", []string{"Accept", "Origin"}},
		{"no origin", corsOf(app1), "", "", []string{"Accept", "Origin"}},
		{"a longer name", corsOf(app1), app1 + ".evil.test", "", []string{"Accept", "Origin"}},
		{"a name before it", corsOf(app1), "https://evil.test/" + app1, "", []string{"Accept", "Origin"}},
		{"a wildcard", corsOf(sub), "https://a-1.example.test:8443", "https://a-1.example.test:8443", []string{"Accept", "Origin"}},
		{"a wildcard is one label", corsOf(sub), "https://a.b.example.test:8443", "", []string{"Accept", "Origin"}},
		{"a wildcard is not none", corsOf(sub), "https://example.test:8443", "", []string{"Accept", "Origin"}},
		{"a wildcard is no star", corsOf(sub), sub, "", []string{"Accept", "Origin"}},
		{"a dot is a dot", corsOf(sub), "https://axexample.test:8443", "", []string{"Accept", "Origin"}},
		{"a wildcard has its port", corsOf(sub), "https://a.example.test", "", []string{"Accept", "Origin"}},
		{"no name", corsOf("null"), "null", "null", []string{"Accept", "Origin"}},
		{"none is allowed", corsOf(), app1, "", []string{"Accept", "Origin"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, corsBackend)), underPolicy(&gatelodge.Policy{CORS: c.cors, Redirect: gatelodge.RedirectNever}))
			inModes(t, func(t *testing.T, m mode) {
				client := g.client(m)
				for _, path := range []string{"/", "/missing"} {
					for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
						r := newRequest(t, method, m.url(appHost, path), nil)
						if c.origin != "" {
							r.Header.Set("Origin", c.origin)
						}
						a := do(t, client, r)
						h := a.Header
						status, served := 200, method
						if path == "/missing" {
							status = 404
						}
						want, vary := map[string]string{
							"Access-Control-Allow-Origin": "https://backend.example.test", "Access-Control-Allow-Methods": "TRACE",
							"Access-Control-Allow-Credentials": "", "Access-Control-Allow-Headers": "",
							"Access-Control-Expose-Headers": "", "Access-Control-Max-Age": "",
						}, c.vary
						if c.allowed != "" {
							want = map[string]string{
								"Access-Control-Allow-Origin": c.allowed, "Access-Control-Allow-Methods": "GET, PUT",
								"Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Headers": "X-One,X-Two",
								"Access-Control-Expose-Headers": "X-Three", "Access-Control-Max-Age": "600",
							}
							if method == "OPTIONS" {
								status, served, vary = 204, "", vary[1:]
							}
						}
						for name, value := range want {
							if got := strings.Join(h.Values(name), " and "); got != value {
								t.Errorf("%s %s: %s is %q, want %q", method, path, name, got, value)
							}
						}
						if a.StatusCode != status || h.Get("X-Method") != served || strings.Join(h.Values("Vary"), " ") != strings.Join(vary, " ") || a.body != "" {
							t.Errorf("%s %s: got %d by %q, Vary %q, body %q; want %d by %q, Vary %q", method, path, a.StatusCode, h.Get("X-Method"), h.Values("Vary"), a.body, status, served, vary)
						}
					}
				}
			})
		})
	}
}

// TestCORSBeforeProtections: a preflight request has no credentials; an answer that
// refuses can be read by the script that is refused.
func TestCORSBeforeProtections(t *testing.T) {
	for _, c := range []struct {
		name      string
		policy    gatelodge.Policy
		preflight int
		get       int
	}{
		{"a password", gatelodge.Policy{BasicAuth: &gatelodge.BasicAuth{Realm: "x"}}, 204, 401},
		{"a list", gatelodge.Policy{DenyFrom: networksOf("127.0.0.0/8")}, 204, 403},
		{"a redirect", gatelodge.Policy{RedirectTo: &gatelodge.RedirectTo{Status: 301, Location: template(t, "https://new.example.test/")}}, 204, 301},
		{"no endpoint", gatelodge.Policy{}, 204, 503},
		{"no protection", gatelodge.Policy{Unavailable: "a Secret is missing"}, 503, 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			policy := c.policy
			policy.CORS = corsOf("https://app.example.test")
			policy.Redirect = gatelodge.RedirectNever
			g := start(t, app(gatelodge.BackendHTTP), underPolicy(&policy))
			inModes(t, func(t *testing.T, m mode) {
				for method, status := range map[string]int{"OPTIONS": c.preflight, "GET": c.get} {
					r := newRequest(t, method, m.url(appHost, "/"), nil)
					r.Header.Set("Origin", "https://app.example.test")
					allowed := "https://app.example.test"
					if policy.Unavailable != "" {
						allowed = ""
					}
					if a := do(t, g.client(m), r); a.StatusCode != status || a.Header.Get("Access-Control-Allow-Origin") != allowed {
						t.Errorf("%s: got %d with %v, want %d", method, a.StatusCode, a.Header, status)
					}
				}
			})
		})
	}
}

// TestCORSGoesBeforeOtherFields: as the block of CORS stands inside of the location.
func TestCORSGoesBeforeOtherFields(t *testing.T) {
	policy := editing(t, gatelodge.FieldEdits{Response: []gatelodge.FieldEdit{
		{Name: "access-control-allow-origin", Value: template(t, "https://custom.test")}, {Name: "x-custom", Value: template(t, "1")},
	}})
	policy.CORS = corsOf("*")
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), underPolicy(policy))
	for range 2 {
		if a := g.get(h1, "/"); a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("X-Custom") != "1" {
			t.Errorf("got %v", a.Header)
		}
	}
}

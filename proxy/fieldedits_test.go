package proxy

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

// The expectations are those of nginx 1.22: add_header of ngx_http_headers_module,
// more_set_headers, more_clear_headers and their -input- forms of the module
// headers-more, and proxy_set_header, proxy_hide_header of ngx_http_proxy_module, as
// ingress-nginx's template writes them into a location.

func template(t *testing.T, text string) gatelodge.Template {
	t.Helper()
	parsed, err := gatelodge.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// editing is a policy that changes fields, and fails for what no policy may be.
func editing(t *testing.T, edits gatelodge.FieldEdits) *gatelodge.Policy {
	t.Helper()
	if err := edits.Check(); err != nil {
		t.Fatal(err)
	}
	return &gatelodge.Policy{Fields: &edits, Redirect: gatelodge.RedirectNever}
}

func underPolicy(p *gatelodge.Policy) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) { onlyHost(s).Routes[0].Policy = p }
}

// backendAnswer is a backend that answers with the status that the path names.
func backendAnswer(w http.ResponseWriter, r *http.Request) {
	var status int
	_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
	w.Header()["X-App"] = []string{"one", "two"}
	w.Header().Set("X-Powered-By", "app")
	w.Header().Set("Server", "app")
	w.WriteHeader(status)
	if status >= 200 && status != 204 && status != 304 {
		_, _ = w.Write([]byte("body"))
	}
}

func TestResponseFields(t *testing.T) {
	policy := editing(t, gatelodge.FieldEdits{Response: []gatelodge.FieldEdit{
		{Change: gatelodge.ClearField, Name: "x-powered-by", FromBackend: true},
		{Change: gatelodge.SetField, Name: "x-frame-options", Value: template(t, "DENY")},
		{Change: gatelodge.SetField, Name: "x-app", Value: template(t, "three")},
		{Change: gatelodge.AddField, Name: "x-added", Value: template(t, "a"), Statuses: gatelodge.AddHeaderStatuses},
		{Change: gatelodge.AddField, Name: "x-added", Value: template(t, "$http_x_from")},
		{Change: gatelodge.AddField, Name: "x-absent", Value: template(t, "$http_x_absent")},
		{Change: gatelodge.SetField, Name: "x-existing", Value: template(t, "never"), Existing: true},
		{Change: gatelodge.ClearField, Name: "server"},
		{Change: gatelodge.SetField, Name: "x-at", Value: template(t, "$request_method $scheme://$host$request_uri by $namespace/${ingress_name}s")},
	}})
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, backendAnswer)), underPolicy(policy),
			settings(func(s *gatelodge.Settings) { s.ServerName, s.Limits.BodyBytes = "gatelodge", 10 }))
		client := g.client(m)
		ask := func(method, path, body string) answerOf {
			r := newRequest(t, method, m.url(appHost, path), strings.NewReader(body))
			r.Header.Set("X-From", "client")
			return do(t, client, r)
		}
		for _, c := range []struct {
			method, path, body string
			status             int
			added              []string
			app                bool // whether the backend made it
		}{
			{"GET", "/200?a=1", "", 200, []string{"a", "client"}, true},
			{"HEAD", "/200?a=1", "", 200, []string{"a", "client"}, true},
			{"GET", "/204", "", 204, []string{"a", "client"}, true},
			{"GET", "/304", "", 304, []string{"a", "client"}, true},
			{"GET", "/302", "", 302, []string{"a", "client"}, true},
			{"GET", "/404", "", 404, []string{"client"}, true},
			{"GET", "/500", "", 500, []string{"client"}, true},
			{"POST", "/200", "more than ten bytes", 413, []string{"client"}, false},
		} {
			a := ask(c.method, c.path, c.body)
			h := a.Header
			if a.StatusCode != c.status || !slices.Equal(h.Values("X-Added"), c.added) || !slices.Equal(h.Values("X-App"), []string{"three"}) ||
				h.Get("X-Frame-Options") != "DENY" || h.Get("X-Powered-By") != "" || h.Get("Server") != "" ||
				h.Values("X-Absent") != nil || h.Values("X-Existing") != nil {
				t.Errorf("%s %s: got %d with %v", c.method, c.path, a.StatusCode, h)
			}
			scheme, _, _ := strings.Cut(m.url("", ""), ":")
			if want := c.method + " " + scheme + "://" + appHost + c.path + " by shop/webs"; h.Get("X-At") != want {
				t.Errorf("X-At is %q, want %q", h.Get("X-At"), want)
			}
		}
	})
}

// TestResponseFieldsWithoutABackend: answers of the gateway have the fields, whatever
// step they come from, and none of the backend's is hidden there.
func TestResponseFieldsWithoutABackend(t *testing.T) {
	edits := gatelodge.FieldEdits{Response: []gatelodge.FieldEdit{
		{Change: gatelodge.SetField, Name: "x-frame-options", Value: template(t, "DENY")},
		{Change: gatelodge.ClearField, Name: "content-type", FromBackend: true},
		{Change: gatelodge.AddField, Name: "x-always", Value: template(t, "no"), Statuses: gatelodge.AddHeaderStatuses},
	}}
	for status, change := range map[int]func(*gatelodge.Policy){
		503: func(p *gatelodge.Policy) { p.Unavailable = "a Secret is missing" },
		401: func(p *gatelodge.Policy) { p.BasicAuth = &gatelodge.BasicAuth{Realm: "x"} },
		403: func(p *gatelodge.Policy) { p.DenyFrom = networksOf("127.0.0.0/8") },
		308: func(p *gatelodge.Policy) {
			p.RedirectTo = &gatelodge.RedirectTo{Status: 308, Location: template(t, "https://new.example.test/")}
		},
		502: func(*gatelodge.Policy) {},
	} {
		policy := editing(t, edits)
		change(policy)
		g := start(t, app(gatelodge.BackendHTTP, proxytest.DeadAddress(t)), underPolicy(policy))
		for _, m := range allModes {
			a := g.get(m, "/")
			always := ""
			if status == 308 {
				always = "no"
			}
			if a.StatusCode != status || a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("Content-Type") == "" || a.Header.Get("X-Always") != always {
				t.Errorf("%s: got %d with %v, want %d", m, a.StatusCode, a.Header, status)
			}
		}
	}
}

// TestResponseFieldsOfAnUpgrade: 101 is a status like any other.
func TestResponseFieldsOfAnUpgrade(t *testing.T) {
	policy := editing(t, gatelodge.FieldEdits{Response: []gatelodge.FieldEdit{
		{Change: gatelodge.AddField, Name: "x-success", Value: template(t, "no"), Statuses: gatelodge.AddHeaderStatuses},
		{Change: gatelodge.AddField, Name: "x-always", Value: template(t, "yes")},
	}})
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, webSocketEcho)), underPolicy(policy))
		c, answer := g.answeredWebSocket(m)
		if answer.Header.Get("X-Always") != "yes" || answer.Header.Get("X-Success") != "" {
			t.Errorf("got %v", answer.Header)
		}
		if err := echo(c, "hello"); err != nil {
			t.Error(err)
		}
	}, h1, h1tls)
}

func TestRequestFields(t *testing.T) {
	policy := editing(t, gatelodge.FieldEdits{Request: []gatelodge.FieldEdit{
		{Change: gatelodge.SetField, Name: "x-user", Value: template(t, "$http_x_name of $remote_addr")},
		{Change: gatelodge.SetField, Name: "x-target", Value: template(t, "$request_uri $uri $args $arg_q $cookie_theme")},
		{Change: gatelodge.ClearField, Name: "x-name"},
		{Change: gatelodge.SetField, Name: "x-forwarded-prefix", Value: template(t, "/shop")},
		{Change: gatelodge.SetField, Name: "accept-encoding"},
		{Change: gatelodge.SetField, Name: "x_under", Value: template(t, "1")},
		{Change: gatelodge.SetField, Name: "x-rid", Value: template(t, "$req_id")},
	}})
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, echoFields)), underPolicy(policy), func(s *gatelodge.Snapshot) {
			policy.Rewrite = &gatelodge.Rewrite{Path: []gatelodge.RewritePart{{Text: "/elsewhere"}}, DropQuery: true}
		})
		r := newRequest(t, "GET", m.url(appHost, "/%61/../b?q=%20x"), nil)
		r.Header = http.Header{"X-Name": {"ada"}, "X-User": {"root", "admin"}, "Cookie": {"a=b; theme=dark"}, "Accept-Encoding": {"gzip"}, "X-Forwarded-Prefix": {"/evil"}}
		a := do(t, g.client(m), r)
		for prefix, want := range map[string]string{
			"X-User: ":             "ada of 127.0.0.1",
			"X-Target: ":           "/%61/../b?q=%20x /b q=%20x %20x dark",
			"X-Name: ":             "",
			"X-Forwarded-Prefix: ": "/shop",
			"Accept-Encoding: ":    "",
			"X_under: ":            "1",
			"X-Rid: ":              lineOf(a.body, "X-Request-Id: "),
			"GET ":                 "/elsewhere " + appHost,
		} {
			if got := lineOf(a.body, prefix); got != want {
				t.Errorf("%s: got %q, want %q", prefix, got, want)
			}
		}
		if strings.Count(a.body, "X-User: ") != 1 {
			t.Errorf("the client's fields are still there: %s", a.body)
		}
	})
}

// TestRequestFieldsAreNotInTrailers: what is set for the backend can't be replaced
// by a field behind the body.
func TestRequestFieldsAreNotInTrailers(t *testing.T) {
	policy := editing(t, gatelodge.FieldEdits{Request: []gatelodge.FieldEdit{
		{Change: gatelodge.SetField, Name: "x-user", Value: template(t, "guest")}, {Change: gatelodge.ClearField, Name: "x-role"},
	}})
	inModes(t, func(t *testing.T, m mode) {
		backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprintln(w, n, r.Header["X-User"], r.Trailer.Get("X-User"), r.Trailer.Get("X-Role"), r.Trailer.Get("X-Checksum"))
		})
		g := start(t, app(gatelodge.BackendHTTP, backend), underPolicy(policy))
		r := newRequest(t, "POST", m.url(appHost, "/"), io.NopCloser(strings.NewReader("body")))
		r.Trailer = http.Header{"X-User": {"root"}, "X-Role": {"admin"}, "X-Checksum": {"1"}}
		if a, want := do(t, g.client(m), r), "4 [guest]   1\n"; a.body != want {
			t.Errorf("got %q, want %q", a.body, want)
		}
	})
}

// TestLargeFieldValues: a short policy makes no large request of a client's.
func TestLargeFieldValues(t *testing.T) {
	var edits gatelodge.FieldEdits
	for i := range gatelodge.MaxFieldEdits {
		edits.Request = append(edits.Request, gatelodge.FieldEdit{Name: fmt.Sprint("x-", i), Value: template(t, strings.Repeat("$request_uri", gatelodge.MaxTemplateParts))})
	}
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), underPolicy(editing(t, edits)))
		if a := g.get(m, "/short"); a.StatusCode != 200 {
			t.Errorf("got %d", a.StatusCode)
		}
		if a := g.get(m, "/"+strings.Repeat("x", 1<<10)); a.StatusCode != 431 {
			t.Errorf("got %d, want 431", a.StatusCode)
		}
	})
}

// TestFieldsAreOfTheirRequest: a request that reuses the memory of one with edits
// has none of them.
func TestFieldsAreOfTheirRequest(t *testing.T) {
	policy := editing(t, gatelodge.FieldEdits{
		Request:  []gatelodge.FieldEdit{{Name: "x-secret", Value: template(t, "key")}},
		Response: []gatelodge.FieldEdit{{Name: "x-of", Value: template(t, "$uri")}},
	})
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, echoFields)), func(s *gatelodge.Snapshot) {
		h := onlyHost(s)
		edited := route1("/edited", appKey)
		edited.Policy = policy
		h.Routes = append([]*gatelodge.Route{edited}, h.Routes...)
	})
	client := g.client(h1)
	for range 20 {
		for path, of := range map[string]string{"/edited/1": "/edited/1", "/plain": ""} {
			a := do(t, client, newRequest(t, "GET", h1.url(appHost, path), nil))
			if a.Header.Get("X-Of") != of || strings.Contains(a.body, "X-Secret: key") != (of != "") {
				t.Fatalf("%s: got %v and %s", path, a.Header, a.body)
			}
		}
	}
}

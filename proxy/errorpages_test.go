package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

// The expectations are those of ingress-nginx's template, block "CUSTOM_ERRORS" and the
// fields for "custom-default-backend-", with nginx's error_page "=" and
// proxy_intercept_errors: the page has the status that the backend for errors gives it.

const pagesKey = "shop/pages:"

// pages is a backend for errors. It answers with the status of X-Code, or with the
// one of the query.
func pages(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Page", strings.Join([]string{
		r.Method, r.RequestURI, r.Host, r.Header.Get("X-Code"), r.Header.Get("X-Format"), r.Header.Get("X-Original-Uri"),
		r.Header.Get("X-Namespace"), r.Header.Get("X-Ingress-Name"), r.Header.Get("X-Service-Name"), r.Header.Get("X-Service-Port"), "<" + string(body) + ">",
	}, " "))
	w.Header().Set("X-Had-Id", fmt.Sprint(len(r.Header.Get("X-Request-Id")) > 0))
	w.Header()["X-Cookies"] = r.Header["Cookie"]
	var status int
	if _, err := fmt.Sscanf(r.URL.RawQuery, "page=%d", &status); err != nil {
		_, _ = fmt.Sscan(r.Header.Get("X-Code"), &status)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "page")
}

// withPages has the app's route have error pages by a backend at the addresses.
func withPages(change func(*gatelodge.Policy), addresses ...netip.AddrPort) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) {
		onlyBackend(s).Port = "http"
		addBackends(s, backend1(pagesKey, gatelodge.BackendHTTP, addresses...))
		p := &gatelodge.Policy{Redirect: gatelodge.RedirectNever, ErrorPages: &gatelodge.ErrorPages{Backend: pagesKey, Statuses: []uint16{401, 404, 413, 502, 503, 504}}}
		change(p)
		onlyHost(s).Routes[0].Policy = p
	}
}

func TestErrorPages(t *testing.T) {
	backend := backendServer(t, gatelodge.BackendHTTP, backendAnswer)
	nothing := func(*gatelodge.Policy) {}
	for _, c := range []struct {
		name    string
		backend []netip.AddrPort
		change  func(*gatelodge.Policy)
		method  string
		path    string
		body    string
		status  int
		page    string // X-Page; "": there is none
	}{
		{"of the backend", []netip.AddrPort{backend}, nothing, "GET", "/404/%61?a=1", "", 404, "GET /?a=1 app.example.com 404 text/html /404/%61?a=1 shop web web http <>"},
		{"of another status", []netip.AddrPort{backend}, nothing, "GET", "/404?page=200", "", 200, "GET /?page=200 app.example.com 404 text/html /404?page=200 shop web web http <>"},
		{"of HEAD", []netip.AddrPort{backend}, nothing, "HEAD", "/404", "", 404, "HEAD / app.example.com 404 text/html /404 shop web web http <>"},
		{"without the body", []netip.AddrPort{backend}, nothing, "POST", "/404", "body", 404, "POST / app.example.com 404 text/html /404 shop web web http <>"},
		{"not of this status", []netip.AddrPort{backend}, nothing, "GET", "/500", "", 500, ""},
		{"not of a success", []netip.AddrPort{backend}, nothing, "GET", "/200", "", 200, ""},
		{"not of what is not intercepted", []netip.AddrPort{backend}, func(p *gatelodge.Policy) { p.ErrorPages.OwnOnly = true }, "GET", "/404", "", 404, ""},
		{"an endpoint that refuses", []netip.AddrPort{proxytest.DeadAddress(t)}, func(p *gatelodge.Policy) { p.ErrorPages.OwnOnly = true }, "GET", "/x", "", 502, "GET / app.example.com 502 text/html /x shop web web http <>"},
		{"no endpoints", nil, nothing, "GET", "/x?page=200", "", 200, "GET /?page=200 app.example.com 503 text/html /x?page=200 shop web web http <>"},
		{"a large body", []netip.AddrPort{backend}, func(p *gatelodge.Policy) { most := int64(3); p.BodyBytes = &most }, "POST", "/200", "body", 413, "POST / app.example.com 413 text/html /200 shop web web http <>"},
		{"a rewritten path", []netip.AddrPort{backend}, func(p *gatelodge.Policy) {
			p.Rewrite = &gatelodge.Rewrite{Path: []gatelodge.RewritePart{{Text: "/404"}}, DropQuery: true}
		}, "GET", "/x?a=1", "", 404, "GET /?a=1 app.example.com 404 text/html /x?a=1 shop web web http <>"},
		{"another Host", []netip.AddrPort{backend}, func(p *gatelodge.Policy) { p.UpstreamHost = "internal" }, "GET", "/404", "", 404, "GET / app.example.com 404 text/html /404 shop web web http <>"},
		{"while the Service has no endpoints", nil, func(p *gatelodge.Policy) { p.ErrorPages.StandIn = true }, "POST", "/x?page=503", "body", 503, "POST /x?page=503 app.example.com 503 text/html  shop web web http <body>"},
		{"while it has some", []netip.AddrPort{backend}, func(p *gatelodge.Policy) { p.ErrorPages.StandIn = true }, "GET", "/200", "", 200, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, app(gatelodge.BackendHTTP, c.backend...), withPages(c.change, backendServer(t, gatelodge.BackendHTTP, pages)))
			inModes(t, func(t *testing.T, m mode) {
				client := g.client(m)
				for range 2 { // the second has the memory of the first
					r := newRequest(t, c.method, m.url(appHost, c.path), strings.NewReader(c.body))
					r.Header = http.Header{"Accept": {"text/html"}, "X-Code": {"200"}, "X-Namespace": {"spoofed"}, "X-Service-Port": {"1"}, "X-Ingress-Name": {"a", "b"}, "Cookie": {"a=b"}}
					a := do(t, client, r)
					if a.StatusCode != c.status || a.Header.Get("X-Page") != c.page {
						t.Errorf("got %d with %q, want %d with %q", a.StatusCode, a.Header.Get("X-Page"), c.status, c.page)
					}
					if c.page != "" && (a.Header.Get("X-Had-Id") != "true" || a.Header.Get("X-Cookies") != "a=b" || a.body != "page" && c.method != "HEAD") {
						t.Errorf("got %v with %q", a.Header, a.body)
					}
				}
			})
		})
	}
}

// TestErrorPagesKeepWhatTheGatewaySays: a browser still learns that it has to ask for
// a password, and scripts may read the page.
func TestErrorPagesKeepWhatTheGatewaySays(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), withPages(func(p *gatelodge.Policy) {
		p.BasicAuth = &gatelodge.BasicAuth{Realm: "shop"}
		p.CORS = corsOf("*")
	}, backendServer(t, gatelodge.BackendHTTP, pages)))
	for _, m := range allModes {
		a := g.get(m, "/")
		if a.StatusCode != 401 || a.body != "page" || !strings.Contains(a.Header.Get("Www-Authenticate"), `realm="shop"`) || a.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: got %d with %v", m, a.StatusCode, a.Header)
		}
	}
}

// TestErrorPagesThatFail: an error of the backend for errors is asked about nowhere
// else, and where it can't be reached the error stays what it was.
func TestErrorPagesThatFail(t *testing.T) {
	answers := backendServer(t, gatelodge.BackendHTTP, backendAnswer)
	for _, c := range []struct {
		name      string
		backend   []netip.AddrPort
		pages     []netip.AddrPort
		path      string
		status    int
		fromPages bool
	}{
		{"the page is an error with a page", []netip.AddrPort{answers}, []netip.AddrPort{backendServer(t, gatelodge.BackendHTTP, pages)}, "/404?page=503", 503, true},
		{"it refuses connections", []netip.AddrPort{answers}, []netip.AddrPort{proxytest.DeadAddress(t)}, "/404", 404, false},
		{"it has no endpoints", []netip.AddrPort{answers}, nil, "/404", 404, false},
		{"nothing can be reached", []netip.AddrPort{proxytest.DeadAddress(t)}, []netip.AddrPort{proxytest.DeadAddress(t)}, "/", 502, false},
		{"nothing has endpoints", nil, nil, "/", 503, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, app(gatelodge.BackendHTTP, c.backend...), withPages(func(p *gatelodge.Policy) { p.ErrorPages.StandIn = true }, c.pages...))
			inModes(t, func(t *testing.T, m mode) {
				a := g.get(m, c.path)
				if a.StatusCode != c.status || (a.Header.Get("X-Page") != "") != c.fromPages || a.body == "" || a.Header.Get("X-App") != "" {
					t.Errorf("got %d with %v and %q", a.StatusCode, a.Header, a.body)
				}
			})
		})
	}
}

// TestErrorPageAfterATimeout: of an endpoint that does not answer in time.
func TestErrorPageAfterATimeout(t *testing.T) {
	released := make(chan struct{})
	slow := backendServer(t, gatelodge.BackendHTTP, func(http.ResponseWriter, *http.Request) { <-released })
	t.Cleanup(func() { close(released) })
	page := backendServer(t, gatelodge.BackendHTTP, pages)
	inModes(t, func(t *testing.T, m mode) {
		inTime(t, func(timeout time.Duration) bool { // which is that for the page, too
			g := start(t, app(gatelodge.BackendHTTP, slow), withPages(func(p *gatelodge.Policy) {
				p.Timeouts = &gatelodge.RouteTimeouts{Read: timeout}
				p.Retries = &gatelodge.RetryRules{}
			}, page))
			a := g.get(m, "/")
			if a.StatusCode != 504 {
				t.Errorf("got %d with %q", a.StatusCode, a.body)
			}
			return a.body == "page"
		})
	})
}

// TestErrorPagesAfterRetries: the last answer has the page, and an upgrade that is
// refused has one too.
func TestErrorPagesAfterRetries(t *testing.T) {
	backend := func() netip.AddrPort { return backendServer(t, gatelodge.BackendHTTP, backendAnswer) }
	g := start(t, app(gatelodge.BackendHTTP, backend(), backend()), withPages(func(p *gatelodge.Policy) {
		p.Retries = &gatelodge.RetryRules{On: gatelodge.RetryStatus(503), Tries: 2}
	}, backendServer(t, gatelodge.BackendHTTP, pages)))
	a := g.get(h1, "/503")
	if a.StatusCode != 503 || a.body != "page" {
		t.Errorf("got %d with %q", a.StatusCode, a.body)
	}
	if line := g.lines(1)[0]; line["tries"] != 3.0 || line["status"] != 503.0 {
		t.Errorf("the access log says %v", line)
	}
	r := newRequest(t, "GET", h1.url(appHost, "/404"), nil)
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	if a := do(t, g.client(h1), r); a.StatusCode != 404 || a.body != "page" || slices.Contains(a.Header["Upgrade"], "websocket") {
		t.Errorf("got %d with %v and %q", a.StatusCode, a.Header, a.body)
	}
}

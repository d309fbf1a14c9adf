package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

// The expectations are nginx's: ngx_http_auth_request_module for what an answer means,
// and the location of "auth_request" in ingress-nginx's nginx.tmpl for the question.

const authKey = "auth/service:80"

// authService is an auth service that remembers the questions.
type authService struct {
	mu      sync.Mutex
	asked   []*http.Request
	bodies  []string
	handler http.HandlerFunc
}

func (s *authService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.asked, s.bodies = append(s.asked, r), append(s.bodies, string(body))
	handler := s.handler
	s.mu.Unlock()
	handler(w, r)
}

// answers sets what the service answers from now on.
func (s *authService) answers(handler http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

func (s *authService) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *authService) last() (*http.Request, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1], s.bodies[len(s.bodies)-1]
}

func saysStatus(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(n) }
}

// authApp is a host of which all but /open asks the service.
func authApp(t *testing.T, service *authService, change func(*gatelodge.Policy)) func(*gatelodge.Snapshot) {
	t.Helper()
	backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		echoFields(w, r)
		fmt.Fprintf(w, "body: %s\ntrailer: %v\n", body, r.Trailer)
	})
	asked := backendServer(t, gatelodge.BackendHTTP, service.ServeHTTP)
	policy := &gatelodge.Policy{ExternalAuth: &gatelodge.ExternalAuth{Backend: authKey, Host: "auth.example.net", Target: template(t, "/verify")}}
	if change != nil {
		change(policy)
	}
	return func(s *gatelodge.Snapshot) {
		app(gatelodge.BackendHTTP, backend)(s)
		addBackends(s, backend1(authKey, gatelodge.BackendHTTP, asked))
		open, root := route1("/open", appKey), route1("/", appKey)
		root.Policy = policy
		onlyHost(s).Routes = []*gatelodge.Route{open, root}
	}
}

func TestExternalAuthVerdicts(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{}
		g := start(t, authApp(t, service, nil))
		for said, want := range map[int]int{
			200: 200, 202: 200, 204: 200, 299: 200, 401: 401, 403: 403,
			300: 500, 302: 500, 304: 500, 400: 500, 404: 500, 429: 500, 500: 500, 502: 500, 503: 500,
		} {
			service.answers(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Add("WWW-Authenticate", `Bearer realm="shop"`)
				w.Header().Add("WWW-Authenticate", "Negotiate")
				w.Header().Set("X-Secret", "of the service")
				w.WriteHeader(said)
			})
			got := g.get(m, "/")
			if got.StatusCode != want || strings.Contains(got.body, "service") || got.Header.Get("X-Secret") != "" {
				t.Errorf("the service answers %d: got %d %q, want %d", said, got.StatusCode, got.body, want)
			}
			var challenges []string
			if want == 401 {
				challenges = []string{`Bearer realm="shop"`, "Negotiate"}
			}
			if got := got.Header["Www-Authenticate"]; !slices.Equal(got, challenges) {
				t.Errorf("the service answers %d: got WWW-Authenticate %q, want %q", said, got, challenges)
			}
		}
		before := service.count()
		if got := g.get(m, "/open").StatusCode; got != 200 || service.count() != before {
			t.Errorf("/open: got %d, asked %d", got, service.count()-before)
		}
	})
}

// TestExternalAuthFails: nothing passes that was not decided about.
func TestExternalAuthFails(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		for name, service := range map[string]*gatelodge.Backend{
			"refuses connections": backend1(authKey, gatelodge.BackendHTTP, proxytest.DeadAddress(t)),
			"has no endpoints":    backend1(authKey, gatelodge.BackendHTTP),
			"speaks no HTTP":      backend1(authKey, gatelodge.BackendHTTP, first(scripted(t, says("HELLO\r\n\r\n")))),
			"ends in its head":    backend1(authKey, gatelodge.BackendHTTP, first(scripted(t, says("HTTP/1.1 200 OK\r\nX: ")))),
			"ends in its body":    backend1(authKey, gatelodge.BackendHTTP, first(scripted(t, says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")))),
			"changes protocols":   backend1(authKey, gatelodge.BackendHTTP, first(scripted(t, says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")))),
			"has a large head":    backend1(authKey, gatelodge.BackendHTTP, first(scripted(t, says("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 100<<10)+"\r\n\r\n")))),
		} {
			g := start(t, authApp(t, &authService{}, nil), func(s *gatelodge.Snapshot) { addBackends(s, service) })
			if got := g.get(m, "/").StatusCode; got != 500 {
				t.Errorf("the service %s: got %d, want 500", name, got)
			}
		}
		g := start(t, authApp(t, &authService{}, nil), func(s *gatelodge.Snapshot) { s.Backends = s.Backends.With(authKey, nil) })
		if got := g.get(m, "/").StatusCode; got != 500 {
			t.Errorf("there is no service: got %d, want 500", got)
		}
	})
}

// raw sends a request as it is written and returns all that comes back.
func (g *gateway) raw(request string) string {
	g.t.Helper()
	c, err := net.Dial("tcp", g.address(h1))
	if err != nil {
		g.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	if _, err := io.WriteString(c, request); err != nil {
		g.t.Fatal(err)
	}
	var answer strings.Builder
	for buffer := make([]byte, 4<<10); ; {
		n, err := c.Read(buffer)
		if answer.Write(buffer[:n]); err != nil || strings.HasPrefix(answer.String(), "HTTP/1.1 401 ") && strings.HasSuffix(answer.String(), "Unauthorized\n") {
			return answer.String()
		}
	}
}

func first[A, B any](a A, _ B) A { return a }

// TestExternalAuthQuestion: what the service gets is what the gateway knows, whatever
// the client writes into fields of those names, and never its body.
func TestExternalAuthQuestion(t *testing.T) {
	spoofed := []string{
		"X-Original-Url", "X-Original-Uri", "X-Original-Method", "X-Original-Host", "X-Auth-Request-Redirect", "X-Sent-From", "X-Scheme", "X-Rewrite-Url",
		"X-Real-Ip", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-User", "X-Request-Id", "Forwarded",
		"X-Http-Method-Override", "X-Method-Override", "X-Http-Method", "Ssl-Client-Verify", "Ssl-Client-Subject-Dn",
		"If-None-Match", "If-Modified-Since", "If-Match", "Range", "Content-Encoding", "X_Original_Url", "X_Real_Ip",
	}
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{handler: saysStatus(200)}
		g := start(t, authApp(t, service, nil))
		r := newRequest(t, "POST", m.url(strings.ToUpper(appHost)+".:8080", "/a/../%62//c?x=%2F&y"), strings.NewReader("body"))
		for _, name := range spoofed {
			r.Header[name] = []string{"spoofed", "spoofed"}
		}
		r.Header.Set("Content-Type", "application/grpc")
		r.Header.Set("Cookie", "session=1")
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("X-Tenant", "anna")
		got := do(t, g.client(m), r)
		if got.StatusCode != 200 || !strings.Contains(got.body, "body: body\n") {
			t.Fatalf("got %d %s", got.StatusCode, got.body)
		}
		asked, body := service.last()
		scheme := "http"
		if m.tls() {
			scheme = "https"
		}
		want := map[string]string{
			"X-Original-Url": scheme + "://" + appHost + ":8080/b//c?x=%2F&y", "X-Original-Method": "POST", "X-Sent-From": "nginx-ingress-controller",
			"X-Real-Ip": "127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Auth-Request-Redirect": "/b//c?x=%2F&y",
			"Cookie": "session=1", "Authorization": "Bearer token", "X-Tenant": "anna",
		}
		for name, value := range want {
			if got := asked.Header[name]; len(got) != 1 || got[0] != value {
				t.Errorf("%s: got %q, want %q", name, got, value)
			}
		}
		for name, values := range asked.Header {
			if slices.Contains(values, "spoofed") {
				t.Errorf("the client's %s reached the service", name)
			}
		}
		if asked.Method != "GET" || asked.RequestURI != "/verify" || asked.Host != "auth.example.net" || body != "" || asked.ContentLength != 0 || asked.Header.Get("Content-Type") != "" {
			t.Errorf("got %s %s of %s with %q", asked.Method, asked.RequestURI, asked.Host, body)
		}
	})
}

// TestExternalAuthMethod: nginx.tmpl adds X-Original-URI and X-Scheme with auth-method.
func TestExternalAuthMethod(t *testing.T) {
	for _, method := range []string{"POST", "HEAD", "OPTIONS"} {
		service := &authService{handler: saysStatus(200)}
		g := start(t, authApp(t, service, func(p *gatelodge.Policy) {
			p.ExternalAuth.Method = method
			p.ExternalAuth.Target = template(t, "/check?host=$host&uri=$escaped_request_uri&of=$arg_user&by=$http_x_by")
			p.ExternalAuth.RequestRedirect = template(t, "$scheme://$http_host$request_uri")
			p.ExternalAuth.SetFields = []gatelodge.FieldEdit{{Name: "x-of", Value: template(t, "$host $request_method")}, {Name: "cookie"}}
		}))
		r := newRequest(t, "GET", h1.url(appHost, "/a%20b?user=c%26d=e"), nil)
		r.Header.Set("X-By", "me&you ?#")
		r.Header.Set("Cookie", "session=1")
		if got := do(t, g.client(h1), r).StatusCode; got != 200 {
			t.Fatalf("got %d", got)
		}
		asked, _ := service.last()
		if want := "/check?host=app.example.com&uri=%2Fa%2520b%3Fuser%3Dc%2526d%3De&of=c%26d%3De&by=me%26you%20%3F%23"; asked.Method != method || asked.RequestURI != want {
			t.Errorf("got %s %s, want %s", asked.Method, asked.RequestURI, want)
		}
		for name, want := range map[string]string{
			"X-Original-Uri": "/a%20b?user=c%26d=e", "X-Scheme": "http", "X-Original-Method": "GET",
			"X-Auth-Request-Redirect": "http://app.example.com/a%20b?user=c%26d=e", "X-Of": "app.example.com GET", "Cookie": "",
		} {
			if got := asked.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	}
}

// TestExternalAuthTarget: what a client writes does not lead to another path of the
// service, where it might answer 200 to everyone.
func TestExternalAuthTarget(t *testing.T) {
	service := &authService{handler: saysStatus(200)}
	g := start(t, authApp(t, service, func(p *gatelodge.Policy) { p.ExternalAuth.Target = template(t, "/verify/$arg_of/$cookie_by/x") }))
	for path, want := range map[string]int{
		"/?of=a": 200, "/?of=a/b": 200, "/?of=a%2Fb?c": 200,
		"/?of=..": 400, "/?of=../health": 400, "/?of=.": 400, "/?of=%2e%2E": 400, "/?of=..%2f..": 400, "/?of=%5c..": 400, "/?of=../": 400,
	} {
		before := service.count()
		if got := g.get(h1, path).StatusCode; got != want || (service.count() > before) != (want == 200) {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
		if want != 200 {
			continue
		}
		if asked, _ := service.last(); !strings.HasPrefix(asked.RequestURI, "/verify/") || strings.Contains(asked.RequestURI, "?") {
			t.Errorf("%s leads to %s", path, asked.RequestURI)
		}
	}
}

// TestAuthResponseFields: the backend gets what the service says, and never what the
// client says in fields of these names, whether the service was asked or not.
func TestAuthResponseFields(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{}
		names := []string{"x-auth-user", "x-forwarded-groups", "authorization", "x_role", "x-empty"}
		g := start(t, authApp(t, service, func(p *gatelodge.Policy) { p.ExternalAuth.ResponseFields = names }))
		client := g.client(m)
		ask := func(path string) answerOf {
			r := newRequest(t, "POST", m.url(appHost, path), struct{ io.Reader }{strings.NewReader("body")})
			for _, name := range []string{"X-Auth-User", "X-Forwarded-Groups", "X_role", "X_Auth_User", "X_Auth-User", "X-Empty"} {
				r.Header[name] = []string{"spoofed", "spoofed"}
			}
			if m == h1 {
				r.Header["x-aUTH-uSER"] = []string{"spoofed"}
			}
			r.Header.Set("Authorization", "Bearer client")
			r.Trailer = http.Header{"X-Auth-User": {"spoofed"}, "X-Fine": {"fine"}}
			return do(t, client, r)
		}
		service.answers(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("X-Auth-User", "anna")
			w.Header().Add("X-Auth-User", "second")
			w.Header().Set("X-Forwarded-Groups", "staff")
			w.Header().Set("Authorization", "Bearer "+r.Header.Get("Authorization"))
			w.Header()["X_role"] = []string{"admin"}
			w.Header().Set("X-Unasked", "secret")
		})
		got := ask("/")
		for _, want := range []string{"X-Auth-User: anna, second", "X-Forwarded-Groups: staff", "Authorization: Bearer Bearer client", "X_role: admin", "body: body", "trailer: map[X-Auth-User:[] X-Fine:[fine]]"} {
			if !strings.Contains(strings.ToLower("\n"+got.body), strings.ToLower("\n"+want+"\n")) {
				t.Errorf("there is no %q in %d %s", want, got.StatusCode, got.body)
			}
		}
		service.answers(saysStatus(200)) // says nothing
		if silent := ask("/"); strings.Contains(got.body+silent.body, "spoofed") || strings.Contains(silent.body, "Authorization") || silent.StatusCode != 200 {
			t.Errorf("got %d %s and %s", silent.StatusCode, got.body, silent.body)
		}
		if got := ask("/open"); !strings.Contains(got.body, "X-Auth-User: spoofed") {
			t.Errorf("a route without the policy: got %s", got.body)
		}
	})
}

// TestHopByHopTrick: a client that has the gateway remove its fields by naming them in
// Connection (RFC 9110 §7.6.1) removes none of the gateway's.
func TestHopByHopTrick(t *testing.T) {
	service := &authService{handler: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Auth-User", "anna") }}
	g := start(t, authApp(t, service, func(p *gatelodge.Policy) { p.ExternalAuth.ResponseFields = []string{"x-auth-user"} }))
	got := g.raw("GET / HTTP/1.1\r\nHost: " + appHost + "\r\nX-Auth-User: root\r\n" +
		"Connection: close, X-Auth-User, X-Original-URL, X-Original-Method, X-Real-IP, X-Forwarded-For, Authorization\r\nAuthorization: Bearer x\r\n\r\n")
	asked, _ := service.last()
	if !strings.Contains(got, "\nX-Auth-User: anna\n") || strings.Contains(got, "root") {
		t.Errorf("got %s", got)
	}
	if asked.Header.Get("X-Original-Url") != "http://"+appHost+"/" || asked.Header.Get("X-Real-Ip") != "127.0.0.1" || asked.Header.Get("Authorization") != "" {
		t.Errorf("the service got %v", asked.Header)
	}
}

// TestAuthCookies: the template has "add_header Set-Cookie $auth_cookie", with "always"
// where auth-always-set-cookie says so.
func TestAuthCookies(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		for _, always := range []bool{false, true} {
			service := &authService{}
			backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("Set-Cookie", "own=1")
				var code int
				_, _ = fmt.Sscan(r.URL.Query().Get("status"), &code)
				w.WriteHeader(code)
			})
			g := start(t, authApp(t, service, func(p *gatelodge.Policy) { p.ExternalAuth.AlwaysCookie = always }), func(s *gatelodge.Snapshot) {
				addBackends(s, backend1(appKey, gatelodge.BackendHTTP, backend))
			})
			for _, c := range []struct {
				said, backend int
				cookies       bool
			}{
				{200, 200, true}, {200, 204, true}, {202, 302, true}, {200, 304, true},
				{200, 202, always}, {200, 404, always}, {200, 500, always}, {401, 0, always}, {403, 0, always}, {500, 0, always},
			} {
				service.answers(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Add("Set-Cookie", "a=1; Secure")
					w.Header().Add("Set-Cookie", "b=2")
					w.WriteHeader(c.said)
				})
				var want []string
				if c.backend != 0 {
					want = []string{"own=1"}
				}
				if c.cookies {
					want = append(want, "a=1; Secure", "b=2")
				}
				if got := g.get(m, fmt.Sprint("/?status=", c.backend)); !slices.Equal(got.Header["Set-Cookie"], want) {
					t.Errorf("always %v, %d then %d: got %d with %q, want %q", always, c.said, c.backend, got.StatusCode, got.Header["Set-Cookie"], want)
				}
			}
		}
	})
}

// TestSignIn: the template has "error_page 401" lead to a location that returns 302.
func TestSignIn(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{}
		g := start(t, authApp(t, service, func(p *gatelodge.Policy) {
			p.ExternalAuth.SignIn = template(t, "https://login.example.com/start?rd=$scheme://$http_host$escaped_request_uri")
		}))
		scheme := "http"
		if m.tls() {
			scheme = "https"
		}
		for said, want := range map[int]int{200: 200, 401: 302, 403: 403, 500: 500} {
			service.answers(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Set-Cookie", "csrf=1")
				w.Header().Set("WWW-Authenticate", "Bearer")
				w.WriteHeader(said)
			})
			location, cookie := "", ""
			if want == 302 {
				location = "https://login.example.com/start?rd=" + scheme + "://app.example.com%2Fa%2520b%3Fc%3D%2F~!'()*"
			}
			if want == 302 || want == 200 {
				cookie = "csrf=1"
			}
			got := g.get(m, "/a%20b?c=/~!'()*")
			if got.StatusCode != want || got.Header.Get("Location") != location || got.Header.Get("Set-Cookie") != cookie || got.Header.Get("Www-Authenticate") != "" {
				t.Errorf("the service answers %d: got %d %v, want %d and %q", said, got.StatusCode, got.Header, want, location)
			}
		}
	})
}

// TestSatisfy: nginx's "satisfy" over ngx_http_access_module, auth_basic and auth_request.
func TestSatisfy(t *testing.T) {
	here, elsewhere := networksOf("127.0.0.0/8"), networksOf("192.0.2.0/24")
	users := &gatelodge.BasicAuth{Realm: "shop", Users: map[string]gatelodge.PasswordHash{"anna": parseHash(t, hashes[0].hash)}}
	for _, c := range []struct {
		name        string
		allow, deny gatelodge.Networks
		basic       bool // is asked for …
		right       bool // … and sent
		said        int  // 0: there is no service
		all, any    int
	}{
		{"address and service", here, nil, false, false, 401, 401, 200},
		{"another address and service", elsewhere, nil, false, false, 200, 403, 200},
		{"another address and refused", elsewhere, nil, false, false, 401, 403, 401},
		{"another address and forbidden", elsewhere, nil, false, false, 403, 403, 403},
		{"another address and no answer", elsewhere, nil, false, false, 500, 403, 500},
		{"denied and service", nil, here, false, false, 200, 403, 200},
		{"not denied and refused", nil, elsewhere, false, false, 401, 401, 401},
		{"not denied alone", nil, elsewhere, false, false, 0, 200, 200},
		{"password and service", nil, nil, true, true, 200, 200, 200},
		{"password and refused", nil, nil, true, true, 401, 401, 200},
		{"wrong password and service", nil, nil, true, false, 200, 401, 200},
		{"wrong password and forbidden", nil, nil, true, false, 403, 401, 401},
		{"address and wrong password", here, nil, true, false, 0, 401, 200},
		{"all wrong", elsewhere, nil, true, false, 401, 403, 401},
	} {
		for _, any := range []bool{false, true} {
			service := &authService{handler: saysStatus(c.said)}
			g := start(t, authApp(t, service, func(p *gatelodge.Policy) {
				p.AllowFrom, p.DenyFrom, p.SatisfyAny = c.allow, c.deny, any
				if p.ExternalAuth.ResponseFields = []string{"x-auth-user"}; c.said == 0 {
					p.ExternalAuth = nil
				}
				if c.basic {
					p.BasicAuth = users
				}
			}))
			r := newRequest(t, "GET", h1.url(appHost, "/"), nil)
			r.Header.Set("X-Auth-User", "spoofed")
			if c.right {
				r.SetBasicAuth("anna", hashes[0].password)
			}
			want := c.all
			if any {
				want = c.any
			}
			got := do(t, g.client(h1), r)
			if got.StatusCode != want {
				t.Errorf("%s, any %v: got %d, want %d", c.name, any, got.StatusCode, want)
			}
			if c.said != 0 && strings.Contains(got.body, "spoofed") {
				t.Errorf("%s, any %v: the client's field reached the backend", c.name, any)
			}
		}
	}
}

// TestExternalAuthOfOwnHost: "https://$host/…" is a route of the same host, with its
// policies.
func TestExternalAuthOfOwnHost(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{handler: func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Auth-User", "anna") }}
		g := start(t, authApp(t, service, func(p *gatelodge.Policy) {
			p.ExternalAuth.Backend, p.ExternalAuth.Host, p.ExternalAuth.Secure = "", "", true
			p.ExternalAuth.Target = template(t, "/oauth2/auth?rd=$escaped_request_uri")
			p.ExternalAuth.ResponseFields = []string{"x-auth-user"}
		}), func(s *gatelodge.Snapshot) {
			route := route1("/oauth2", authKey)
			route.Policy.Redirect = gatelodge.RedirectAlways // which the question fulfils
			onlyHost(s).Routes = append([]*gatelodge.Route{route}, onlyHost(s).Routes...)
		})
		if got := g.get(m, "/cart"); got.StatusCode != 200 || lineOf(got.body, "X-Auth-User: ") != "anna" {
			t.Errorf("got %d %s", got.StatusCode, got.body)
		}
		if asked, _ := service.last(); asked.Host != appHost || asked.RequestURI != "/oauth2/auth?rd=%2Fcart" || asked.Header.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("asked %s%s %v", asked.Host, asked.RequestURI, asked.Header)
		}
		service.answers(saysStatus(401))
		if got := g.get(m, "/cart").StatusCode; got != 401 {
			t.Errorf("refused: got %d", got)
		}
		before := service.count()
		if got := g.get(m, "/oauth2/start").StatusCode; got != 308 && got != 401 || service.count() > before+1 {
			t.Errorf("the service's own path: got %d, asked %d", got, service.count()-before)
		}
	})
}

// TestExternalAuthOfOwnHostWrittenOut: a URL of the request's own host is its own route,
// where it would lead out of the gateway and back; for other hosts it is the service.
func TestExternalAuthOfOwnHostWrittenOut(t *testing.T) {
	service := &authService{handler: saysStatus(204)}
	g := start(t, authApp(t, service, func(p *gatelodge.Policy) {
		p.ExternalAuth.OwnHost, p.ExternalAuth.Target = appHost, template(t, "/oauth2/auth")
	}), func(s *gatelodge.Snapshot) {
		addBackends(s, backend1("shop/oauth2:80", gatelodge.BackendHTTP, s.Backends.Get(authKey).Endpoints[0].Address), backend1(authKey, gatelodge.BackendHTTP, proxytest.DeadAddress(t)))
		addHosts(s, host1("other.example.com", onlyHost(s).Routes...), host1(appHost, append([]*gatelodge.Route{route1("/oauth2", "shop/oauth2:80")}, onlyHost(s).Routes...)...))
	})
	if got := g.get(h1, "/cart").StatusCode; got != 200 || service.count() != 1 {
		t.Errorf("own host: got %d, asked %d", got, service.count())
	}
	other := do(t, g.client(h1), newRequest(t, "GET", h1.url("other.example.com", "/cart"), nil))
	if other.StatusCode != 500 || service.count() != 1 {
		t.Errorf("another host: got %d, asked %d", other.StatusCode, service.count())
	}
}

// TestExternalAuthOfItself: a question that leads to a route that asks in turn ends at
// once, and one to no route is no verdict, also for a gRPC client, which gets 200
// where others get 404.
func TestExternalAuthOfItself(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{handler: saysStatus(200)}
		for _, target := range []string{"/verify", "/open/../verify"} {
			g := start(t, authApp(t, service, func(p *gatelodge.Policy) {
				p.ExternalAuth.Backend, p.ExternalAuth.Target = "", template(t, target)
			}))
			r := newRequest(t, "POST", m.url(appHost, "/"), nil)
			r.Header.Set("Content-Type", "application/grpc")
			if got := do(t, g.client(m), r); got.StatusCode == 200 && got.Header.Get("Grpc-Status") == "" || strings.Contains(got.body, "POST") {
				t.Errorf("%s: got %d %s", target, got.StatusCode, got.body)
			}
		}
		g := start(t, authApp(t, service, func(p *gatelodge.Policy) { p.ExternalAuth.Backend = "" }), func(s *gatelodge.Snapshot) {
			onlyHost(s).Routes[1].Path = "/shop"
		})
		r := newRequest(t, "POST", m.url(appHost, "/shop"), nil)
		r.Header.Set("Content-Type", "application/grpc+proto")
		if got := do(t, g.client(m), r); got.Header.Get("Grpc-Status") != "2" || strings.Contains(got.body, "POST") {
			t.Errorf("no route: got %d %v %s", got.StatusCode, got.Header, got.body)
		}
		if service.count() != 0 {
			t.Errorf("asked %d times", service.count())
		}
	})
}

// TestExternalAuthBypass: however a request for a guarded path is written, the service
// is asked about it, or it is refused.
func TestExternalAuthBypass(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{handler: saysStatus(403)}
		g := start(t, authApp(t, service, nil))
		client := g.client(m)
		for _, path := range []string{
			"/admin", "/ADMIN", "//admin", "/open/../admin", "/open/%2e%2e/admin", "/./open/.././admin", "/openness", "/open%20/x",
			"/open/..%2fadmin", "/open/..%252fadmin", "/open/..;/admin", "/open;/../admin", "/open%2f..%2fadmin", "/open%5c..%5cadmin", "/%6fpen/../admin", "/OPEN/../admin",
		} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PURGE"} {
				r := newRequest(t, method, m.url(appHost, "/"), nil)
				r.URL.Opaque = "//" + appHost + path
				r.Header.Set("X-HTTP-Method-Override", "OPTIONS")
				r.Header.Set("X-Original-URL", "/open")
				r.Header.Set("X-Rewrite-URL", "/open")
				if got := do(t, client, r).StatusCode; got != 403 && got != 400 {
					t.Errorf("%s %s: got %d", method, path, got)
				}
			}
		}
		for _, host := range []string{"APP.example.com", appHost + ".", appHost + ":8080", appHost + ".:80"} {
			r := newRequest(t, "GET", m.url(appHost, "/admin"), nil)
			r.Host = host
			if got := do(t, client, r).StatusCode; got != 403 {
				t.Errorf("host %s: got %d", host, got)
			}
			if asked, _ := service.last(); !strings.Contains(asked.Header.Get("X-Original-Url"), "://"+appHost) {
				t.Errorf("host %s: asked about %s", host, asked.Header.Get("X-Original-Url"))
			}
		}
		r := newRequest(t, "GET", m.url(appHost, "/admin"), nil)
		r.Header["Authorization"] = []string{"Bearer good", "Bearer bad"}
		if got := do(t, client, r).StatusCode; got != 400 {
			t.Errorf("two Authorization fields: got %d", got)
		}
	})
	service := &authService{handler: saysStatus(403)}
	g := start(t, authApp(t, service, nil))
	for _, request := range []string{
		"GET http://app.example.com/admin HTTP/1.1\r\nHost: app.example.com\r\n",
		"GET http://APP.example.com:80/open/../admin HTTP/1.1\r\nHost: APP.example.com:80\r\n",
		"GET /admin HTTP/1.0\r\nHost: app.example.com\r\n",
		"GET /admin?/open HTTP/1.1\r\nHost: app.example.com\r\nX-Forwarded-Host: open.example.com\r\nX-Forwarded-Uri: /open\r\n",
	} {
		if got := g.raw(request + "Connection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 403 ") {
			t.Errorf("%q: got %s", request, got)
		}
	}
	if got := g.raw("GET http://open.example.com/admin HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("two hosts: got %s", got)
	}
}

// TestExternalAuthBeforeBody: a body is not read before the client is let in, and a
// client that waits to be asked for it is not asked where it is not.
func TestExternalAuthBeforeBody(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{}
		g := start(t, authApp(t, service, nil))
		client := g.client(m)
		for said, want := range map[int]string{401: "", 200: "body"} {
			service.answers(saysStatus(said))
			var read atomic.Int32
			r := newRequest(t, "POST", m.url(appHost, "/"), io.TeeReader(strings.NewReader("body"), countingWriter{&read}))
			r.ContentLength = 4
			r.Header.Set("Expect", "100-continue")
			got := do(t, client, r)
			if got.StatusCode != said || int(read.Load()) != len(want) || want != "" && !strings.Contains(got.body, "body: "+want) {
				t.Errorf("the service answers %d: got %d, %d octets of the body were sent, %s", said, got.StatusCode, read.Load(), got.body)
			}
			if asked, body := service.last(); body != "" || asked.Header.Get("Expect") != "" {
				t.Errorf("the service got %q %v", body, asked.Header)
			}
		}
	})
}

type countingWriter struct{ n *atomic.Int32 }

func (w countingWriter) Write(p []byte) (int, error) {
	w.n.Add(int32(len(p)))
	return len(p), nil
}

// TestExternalAuthOfUpgrades: a WebSocket is opened for those alone who are let in, and
// the service gets an ordinary request.
func TestExternalAuthOfUpgrades(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{handler: saysStatus(204)}
		g := start(t, authApp(t, service, nil), func(s *gatelodge.Snapshot) {
			addBackends(s, backend1(appKey, gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, webSocketEcho)))
		})
		if err := echo(g.webSocket(m), "hello"); err != nil {
			t.Error(err)
		}
		if asked, _ := service.last(); asked.Method != "GET" || asked.Header.Get("Upgrade") != "" || asked.Header.Get("Connection") != "" {
			t.Errorf("the service got %s %v", asked.Method, asked.Header)
		}
		if m != h1 {
			return
		}
		service.answers(saysStatus(401))
		got := g.raw("GET /ws HTTP/1.1\r\nHost: " + appHost + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 401 ") {
			t.Errorf("refused: got %s", got)
		}
	})
}

// TestExternalAuthHangs: a service that does not answer costs those who ask it their
// time alone, and nothing passes.
func TestExternalAuthHangs(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		release := make(chan struct{})
		defer close(release)
		service := &authService{handler: func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush() // the head has come, the rest never does
			<-release
		}}
		g := start(t, authApp(t, service, func(p *gatelodge.Policy) {
			p.Timeouts = &gatelodge.RouteTimeouts{Read: 300 * time.Millisecond}
		}))
		client := g.client(m)
		results := make(chan int, 30)
		for range cap(results) {
			go func() {
				answer, err := client.Do(newRequest(t, "GET", m.url(appHost, "/"), nil))
				if err != nil {
					results <- 0
					return
				}
				_ = answer.Body.Close()
				results <- answer.StatusCode
			}()
		}
		eventually(t, "all ask", func() bool { return service.count() >= cap(results) })
		for range 20 {
			if got := g.get(m, "/open").StatusCode; got != 200 {
				t.Fatalf("another route: got %d", got)
			}
		}
		for range cap(results) {
			if got := <-results; got != 500 {
				t.Errorf("got %d, want 500", got)
			}
		}
	})
}

// TestAskingIsBounded: the requests of one namespace that wait have a bound, which
// another namespace's don't count in.
func TestAskingIsBounded(t *testing.T) {
	var a asking
	for range mostAsking {
		if !a.enter("shop") {
			t.Fatal("refused below the bound")
		}
	}
	if a.enter("shop") || !a.enter("blog") {
		t.Error("the bound is not that of the namespace")
	}
	a.leave("blog")
	a.leave("shop")
	if !a.enter("shop") || len(a.count) != 1 {
		t.Error("there is no room after one has left")
	}
	service := &authService{handler: saysStatus(200)}
	g := start(t, authApp(t, service, nil))
	for range mostAsking {
		g.server.asking.enter("shop")
	}
	if got := g.get(h1, "/"); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" || service.count() != 0 {
		t.Errorf("got %d, asked %d", got.StatusCode, service.count())
	}
}

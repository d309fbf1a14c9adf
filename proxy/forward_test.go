package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// echoFields is a backend that responds with the request it received.
func echoFields(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %s\n", r.Method, r.RequestURI, r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			fmt.Fprintf(w, "%s: %s\n", name, v)
		}
	}
}

func lineOf(body, prefix string) string {
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, prefix) {
			return strings.TrimSpace(line[len(prefix):])
		}
	}
	return ""
}

func TestForwardedFields(t *testing.T) {
	for _, c := range []struct {
		name    string
		trusted bool
		sent    map[string]string
		want    map[string]string
	}{
		{
			name: "an untrusted peer's claims are dropped",
			sent: map[string]string{
				"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil", "X-Forwarded-Port": "1",
				"X-Real-IP": "192.0.2.9", "X-Request-ID": "mine", "Forwarded": "for=192.0.2.9", "X-Forwarded-Prefix": "/x",
			},
			want: map[string]string{
				"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "SCHEME", "X-Forwarded-Host": appHost, "X-Forwarded-Port": "PORT",
				"X-Real-Ip": "127.0.0.1", "Forwarded": "", "X-Forwarded-Prefix": "",
			},
		},
		{
			name:    "a trusted proxy's are taken over",
			trusted: true,
			sent: map[string]string{
				"X-Forwarded-For": "203.0.113.7, 192.0.2.9, 127.0.0.2", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.example.com",
				"X-Forwarded-Port": "8443", "X-Request-ID": "theirs",
			},
			want: map[string]string{
				"X-Forwarded-For": "203.0.113.7, 192.0.2.9, 127.0.0.2, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.example.com",
				"X-Forwarded-Port": "8443", "X-Real-Ip": "192.0.2.9", "X-Request-Id": "theirs",
			},
		},
		{
			name:    "the zone of an address is no text to pass on",
			trusted: true,
			sent:    map[string]string{"X-Forwarded-For": `fe80::1%"text`},
			want:    map[string]string{"X-Real-Ip": "fe80::1"},
		},
		{
			name:    "what a trusted proxy leaves out we say",
			trusted: true,
			sent:    map[string]string{"X-Forwarded-For": "nonsense"},
			want:    map[string]string{"X-Forwarded-Proto": "SCHEME", "X-Forwarded-Port": "PORT", "X-Real-Ip": "127.0.0.1", "X-Forwarded-Host": appHost},
		},
		{
			name:    "httpoxy",
			trusted: true,
			sent:    map[string]string{"Proxy": "http://evil.example", "Proxy-Like": "kept"},
			want:    map[string]string{"Proxy": "", "Proxy-Like": "kept"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, echoFields)), settings(func(s *gatelodge.Settings) {
					if c.trusted {
						s.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
					}
				}))
				r := newRequest(t, "GET", m.url(appHost, "/"), nil)
				for name, value := range c.sent {
					r.Header.Set(name, value)
				}
				body := do(t, g.client(m), r).body
				scheme, port := "http", "80"
				if m.tls() {
					scheme, port = "https", "443"
				}
				for name, want := range c.want {
					want = strings.NewReplacer("SCHEME", scheme, "PORT", port).Replace(want)
					if got := lineOf(body, name+": "); got != want {
						t.Errorf("%s: got %q, want %q", name, got, want)
					}
				}
				if id := lineOf(body, "X-Request-Id: "); len(id) != 32 && id != "theirs" {
					t.Errorf("X-Request-Id: got %q", id)
				}
			})
		})
	}
}

// TestForwardedValues: values that proxies write are read as they are meant, and
// of several the nearest proxy's counts, not one that a client put before it.
func TestForwardedValues(t *testing.T) {
	type values map[string]string
	for _, c := range []struct {
		name string
		sent []string // fields
		want values
	}{
		{"the scheme of a WebSocket", []string{"X-Forwarded-Proto: wss"}, values{"X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"}},
		{"and in clear text", []string{"X-Forwarded-Proto: WS"}, values{"X-Forwarded-Proto": "http"}},
		{"upper case", []string{"X-Forwarded-Proto: HTTPS"}, values{"X-Forwarded-Proto": "https"}},
		{"a list", []string{"X-Forwarded-Proto: http, https"}, values{"X-Forwarded-Proto": "https"}},
		{"a forged value before it", []string{"X-Forwarded-Proto: https ,\thttp"}, values{"X-Forwarded-Proto": "http"}},
		{"two fields", []string{"X-Forwarded-Proto: https", "X-Forwarded-Proto: http"}, values{"X-Forwarded-Proto": "http"}},
		{"empty items", []string{"X-Forwarded-Proto: https, ,", "X-Forwarded-For: 192.0.2.1,, ,", "X-Forwarded-Host: a.example,"}, values{"X-Forwarded-Proto": "https", "X-Real-Ip": "192.0.2.1", "X-Forwarded-Host": "a.example"}},
		{"nonsense", []string{"X-Forwarded-Proto: gopher", "X-Forwarded-Host: a b/c", "X-Forwarded-Port: 99999"}, values{"X-Forwarded-Proto": "SCHEME", "X-Forwarded-Host": appHost, "X-Forwarded-Port": "PORT"}},
		{"hosts and ports in lists", []string{"X-Forwarded-Host: forged.example, front.example:8443", "X-Forwarded-Port: 1 , 8443"}, values{"X-Forwarded-Host": "front.example:8443", "X-Forwarded-Port": "8443"}},
		{"addresses in brackets and with ports", []string{"X-Forwarded-For: 192.0.2.1:99, [2001:db8::9]"}, values{"X-Real-Ip": "2001:db8::9"}},
		{"Forwarded", []string{`Forwarded: for=203.0.113.9;proto=http, For="[2001:db8::7]:4711" ; Proto=HTTPS;by=127.0.0.9;host="front.example:444"`}, values{
			"X-Real-Ip": "2001:db8::7", "X-Forwarded-For": "2001:db8::7, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.example:444", "Forwarded": "",
		}},
		{"Forwarded in two fields, by trusted proxies", []string{"Forwarded: for=192.0.2.3;proto=http", "Forwarded: for=127.0.0.8;proto=wss"}, values{"X-Real-Ip": "192.0.2.3", "X-Forwarded-Proto": "https"}},
		{"Forwarded of nobody known", []string{"Forwarded: for=192.0.2.3, for=unknown"}, values{"X-Real-Ip": "127.0.0.1"}},
		{"a comma in quotes", []string{`Forwarded: for=192.0.2.3;ext="a, for=192.0.2.4"`}, values{"X-Real-Ip": "192.0.2.3"}},
		{"Forwarded beside the others, which count", []string{"Forwarded: for=192.0.2.66;proto=https", "X-Forwarded-For: 192.0.2.3"}, values{"X-Real-Ip": "192.0.2.3", "X-Forwarded-Proto": "SCHEME"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, echoFields)), settings(func(s *gatelodge.Settings) {
					s.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				}))
				r := newRequest(t, "GET", m.url(appHost, "/"), nil)
				for _, field := range c.sent {
					name, value, _ := strings.Cut(field, ": ")
					r.Header.Add(name, value)
				}
				body := do(t, g.client(m), r).body
				scheme, port := "http", "80"
				if m.tls() {
					scheme, port = "https", "443"
				}
				for name, want := range c.want {
					want = strings.NewReplacer("SCHEME", scheme, "PORT", port).Replace(want)
					if m.tls() && name == "X-Forwarded-Port" && want == "443" {
						continue // the listener's own
					}
					if got := lineOf(body, name+": "); got != want {
						t.Errorf("%s: got %q, want %q", name, got, want)
					}
				}
			})
		})
	}
}

// TestServerField: where a backend names itself, that stays; elsewhere we do, in
// answers of our own too, unless there is to be no name.
func TestServerField(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		address := backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/named" {
				w.Header().Set("Server", "backend/1")
			}
		})
		for _, name := range []string{"", "gatelodge"} {
			g := start(t, app(p, address), settings(func(s *gatelodge.Settings) { s.ServerName, s.HSTS = name, "max-age=1" }))
			for path, want := range map[string]string{"/": name, "/named": "backend/1", "/%00": name} {
				if got := g.get(m, path).Header["Server"]; strings.Join(got, ",") != want {
					t.Errorf("%s with name %q: got %q", path, name, got)
				}
			}
		}
	})
}

func TestTargetIsForwardedAsMatched(t *testing.T) {
	for _, protocol := range []gatelodge.BackendProtocol{gatelodge.BackendHTTP, gatelodge.BackendH2C} {
		t.Run(string(protocol), func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(protocol, backendServer(t, protocol, echoFields)))
				for sent, want := range map[string]string{
					"/":                       "/",
					"/a/../%62?x=%61&y=a/../": "/b?x=%61&y=a/../",
					"/a%2Fb":                  "/a%2Fb",
					"//a//b":                  "//a//b",
					"/a?":                     "/a?",
					"/a%20b;c='(!)'":          "/a%20b;c='(!)'",
				} {
					if got := lineOf(g.get(m, sent).body, "GET "); got != want+" "+appHost {
						t.Errorf("%s: got %q, want %q", sent, got, want)
					}
				}
			})
		})
	}
}

// TestFieldsOfTheConnectionStay: RFC 9110 §7.6.1, in both directions.
func TestFieldsOfTheConnectionStay(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "X-Private")
			w.Header().Set("X-Private", "1")
			w.Header().Set("Keep-Alive", "timeout=5")
			w.Header().Set("X-Public", "1")
			echoFields(w, r)
		})))
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		r.Header.Set("X-Public", "1")
		r.Header.Set("Under_score", "1")
		if !m.http2() { // HTTP/2 has no such fields to send
			r.Header.Set("Connection", "X-Private, keep-alive")
			r.Header.Set("X-Private", "1")
			r.Header.Set("Keep-Alive", "timeout=5")
			r.Header.Set("Proxy-Connection", "keep-alive")
			r.Header.Set("Te", "gzip")
		}
		answer := do(t, g.client(m), r)
		for _, name := range []string{"X-Private", "Keep-Alive", "Proxy-Connection", "Te", "Under_score", "Connection", "User-Agent: \n", "Accept-Encoding"} {
			if got := lineOf(answer.body, name+": "); got != "" {
				t.Errorf("the backend got %s: %s", name, got)
			}
			if got := answer.Header.Get(name); got != "" && name != "Connection" {
				t.Errorf("the client got %s: %s", name, got)
			}
		}
		if lineOf(answer.body, "X-Public: ") != "1" || answer.Header.Get("X-Public") != "1" {
			t.Errorf("X-Public is missing in %s or %v", answer.body, answer.Header)
		}
	})
}

// TestNothingIsAdded: no User-Agent is added to a request, and no Content-Type to
// a response.
func TestNothingIsAdded(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			echoFields(w, r)
		})))
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		r.Header["User-Agent"] = nil
		answer := do(t, g.client(m), r)
		if strings.Contains(answer.body, "User-Agent") || strings.Contains(answer.body, "Accept-Encoding") {
			t.Errorf("the backend got %s", answer.body)
		}
		if answer.Header.Get("Content-Type") != "" {
			t.Errorf("the client got %v", answer.Header)
		}
	})
}

func TestRepeatedFieldsKeepTheirOrder(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Set-Cookie"] = r.Header["X-Many"]
		})))
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		r.Header["X-Many"] = []string{"c=1", "a=2", "b=3"}
		if got := do(t, g.client(m), r).Header["Set-Cookie"]; !slices.Equal(got, r.Header["X-Many"]) {
			t.Errorf("got %v", got)
		}
	})
}

// TestHTTP10: an HTTP/1.0 client gets a response that ends with the connection.
func TestHTTP10(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(103)
		_, _ = io.WriteString(w, "one ")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "two")
	})))
	c, err := net.Dial("tcp", g.address(h1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", appHost)
	answer, err := io.ReadAll(bufio.NewReader(c))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(answer); !strings.HasPrefix(s, "HTTP/1.1 200") || !strings.HasSuffix(s, "\r\n\r\none two") || strings.Contains(s, "chunked") {
		t.Errorf("got %q", s)
	}
}

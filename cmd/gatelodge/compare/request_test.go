package compare

import (
	"net/url"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "web.example.com"}
	for _, c := range []struct {
		what, line string
		base       *url.URL
		want, err  string
	}{
		{"a URL", "https://web.example.com/a%2Fb?x=1#part", nil, "GET https://web.example.com/a%2Fb?x=1", ""},
		{"a method and a URL", "HEAD http://web.example.com:8080/", nil, "HEAD http://web.example.com:8080/", ""},
		{"ingress-nginx's default format",
			`192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "GET /api/v1?q=%20x HTTP/2.0" 200 612 "-" "curl/8" 80 0.004 [shop-web-http] [] 10.0.0.7:80 612 0.004 200 8a3f`,
			base, "GET https://web.example.com/api/v1?q=%20x", ""},
		{"nginx's combined format, with a user and a quote in the agent",
			`192.0.2.7 - jane doe [28/Nov/2026:15:00:00 +0000] "POST /form HTTP/1.1" 302 0 "https://other/" "a \x22b\x22"`,
			base, "POST https://web.example.com/form", ""},
		{"with the host before it",
			`shop.example.com 192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`,
			base, "GET https://shop.example.com/", ""},
		{"without a host", `192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-"`, nil, "", "--base"},
		{"Gatelodge's, over TLS",
			`{"time":"2026-11-28T15:00:00.000000Z","method":"GET","host":"web.example.com","path":"/cart/","status":200,"tls":"TLS 1.3"}`,
			nil, "GET https://web.example.com/cart/", ""},
		{"Gatelodge's, in clear text", `{"method":"GET","host":"web.example.com:8080","path":"/"}`, nil, "GET http://web.example.com:8080/", ""},
		{"a JSON format of nginx", `{"request_method":"GET","vhost":"web.example.com","path":"/a","request_query":"b=c"}`, base, "GET https://web.example.com/a?b=c", ""},
		{"half a line of JSON", `{"method":"GET","ho`, nil, "", "not valid JSON"},
		{"a request that nginx could not read", `192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "\x16\x03\x01" 400 150 "-" "-"`, base, "", "neither a URL"},
		{"a proxy's request", `192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "CONNECT web:443 HTTP/1.1" 400 150 "-" "-"`, base, "", "not a path"},
		{"another file", "apiVersion: v1", nil, "", "neither a URL"},
		{"a URL without a host", "https:///path", nil, "", "not a valid URL"},
	} {
		lines := 0
		for request, err := range Lines(strings.NewReader("\n# a comment\n"+c.line+"\n"), c.base) {
			lines++
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "line 3: ") {
					t.Errorf("%s: %v, want %q in line 3", c.what, err, c.err)
				}
			} else if err != nil || request.String() != c.want {
				t.Errorf("%s: %v %v, want %s", c.what, request, err, c.want)
			}
		}
		if lines != 1 {
			t.Errorf("%s: %d requests", c.what, lines)
		}
	}
}

func TestALineThatIsTooLongEndsTheInput(t *testing.T) {
	var errs int
	for _, err := range Lines(strings.NewReader("http://a/\nhttp://a/"+strings.Repeat("x", maxLine)), nil) {
		if err != nil {
			errs++
		}
	}
	if errs != 1 {
		t.Errorf("%d errors, want 1", errs)
	}
}

func TestParseAddress(t *testing.T) {
	for _, c := range []struct{ text, http, https string }{
		{"192.0.2.1", "192.0.2.1:80", "192.0.2.1:443"},
		{"192.0.2.1:8080", "192.0.2.1:8080", "192.0.2.1:8080"},
		{"2001:db8::1", "[2001:db8::1]:80", "[2001:db8::1]:443"},
		{"[2001:db8::1]:8443", "[2001:db8::1]:8443", "[2001:db8::1]:8443"},
		{"http=192.0.2.1:1,https=192.0.2.2", "192.0.2.1:1", "192.0.2.2:443"},
		{"https=192.0.2.1:1", "", "192.0.2.1:1"},
		{"web.example.com", "", ""},
		{"web.example.com:80", "", ""},
		{"192.0.2.1,192.0.2.2", "", ""},
		{"ftp=192.0.2.1", "", ""},
		{"", "", ""},
	} {
		address, err := ParseAddress(c.text)
		if c.http == "" && c.https == "" {
			if err == nil {
				t.Errorf("%q is accepted", c.text)
			}
			continue
		}
		plain, plainErr := address.of("http", "80")
		secure, secureErr := address.of("https", "443")
		if err != nil || secureErr != nil || (plainErr == nil) != (c.http != "") || plainErr == nil && plain.String() != c.http || secure.String() != c.https {
			t.Errorf("%q: %v, %v and %v (%v, %v), want %s and %s", c.text, err, plain, secure, plainErr, secureErr, c.http, c.https)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add(`192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "-"`)
	f.Add(`{"method":"GET","host":"web.example.com","path":"/"}`)
	f.Add("https://web.example.com/")
	base := &url.URL{Scheme: "https", Host: "web.example.com"}
	f.Fuzz(func(t *testing.T, text string) {
		for request, err := range Lines(strings.NewReader(text), base) {
			if err == nil && (request.Method == "" || request.URL.Hostname() == "" || request.URL.Scheme != "http" && request.URL.Scheme != "https") {
				t.Errorf("%q is %v", text, request)
			}
		}
	})
}

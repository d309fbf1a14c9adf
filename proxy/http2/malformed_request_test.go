package http2_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http2"
)

// TestRequests: what is refused, and how, and what is not. A request that is
// malformed is answered and reset; the connection goes on.
func TestRequests(t *testing.T) {
	without := func(name string) []string {
		var fields []string
		for i, all := 0, request("GET", "/"); i < len(all); i += 2 {
			if all[i] != name {
				fields = append(fields, all[i], all[i+1])
			}
		}
		return fields
	}
	const malformed = `1:400 1:"400 Bad Request\n"! 1:PROTOCOL_ERROR`
	for _, c := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"a plain one", request("GET", "/"), `1:200 1:"hello"!`},
		{"any method that is a token", request("BREW", "/"), `1:200 1:"hello"!`},
		{"a path with a query", request("GET", "/a?b"), `1:200 1:"hello"!`},
		{"options of the server", request("OPTIONS", "*"), `1:200 1:"hello"!`},
		{"a host instead of an authority", append(without(":authority"), "host", "app.example.test"), `1:200 1:"hello"!`},
		{"both, that agree", request("GET", "/", "host", "APP.example.test"), `1:200 1:"hello"!`},
		{"the scheme before a proxy that ended TLS", append(without(":scheme")[:4:4], append([]string{":scheme", "https"}, without(":scheme")[4:]...)...), `1:200 1:"hello"!`},
		{"te: trailers", request("GET", "/", "te", "trailers"), `1:200 1:"hello"!`},
		{"a head that asks for no body", request("HEAD", "/"), `1:200!`},

		{"no method", without(":method"), malformed},
		{"no scheme", without(":scheme"), malformed},
		{"no path", without(":path"), malformed},
		{"no authority and no host", without(":authority"), malformed},
		{"an empty path", request("GET", ""), malformed},
		{"a path that is none", request("GET", "a"), malformed},
		{"an asterisk for GET", request("GET", "*"), malformed},
		{"a space in the path", request("GET", "/a b"), malformed},
		{"a fragment", request("GET", "/a#b"), malformed},
		{"half an escape", request("GET", "/a%2"), malformed},
		{"a method that is no token", request("G T", "/"), malformed},
		{"another scheme", []string{":method", "GET", ":scheme", "ftp", ":authority", "a", ":path", "/"}, malformed},
		{"two hosts", request("GET", "/", "host", "app.example.test", "host", "app.example.test"), malformed},
		{"a host that differs", request("GET", "/", "host", "other.example.test"), malformed},
		{"user information in the authority", []string{":method", "GET", ":scheme", "http", ":authority", "u@a", ":path", "/"}, malformed},
		{"two methods", request("GET", "/", ":method", "GET"), malformed},
		{"a pseudo-header field after others", request("GET", "/", "x", "y", ":path", "/"), malformed},
		{"an unknown pseudo-header field", request("GET", "/", ":x", "y"), malformed},
		{"a pseudo-header field of responses", request("GET", "/", ":status", "200"), malformed},
		{"a name in upper case", request("GET", "/", "X-Y", "z"), malformed},
		{"a name with a colon", request("GET", "/", "x:y", "z"), malformed},
		{"a name with a space", request("GET", "/", "x y", "z"), malformed},
		{"an empty name", request("GET", "/", "", "z"), malformed},
		{"a line break in a value", request("GET", "/", "x", "a\r\nb: c"), malformed},
		{"a NUL in a value", request("GET", "/", "x", "a\x00b"), malformed},
		{"a blank before a value", request("GET", "/", "x", " a"), malformed},
		{"a field about the connection", request("GET", "/", "connection", "close"), malformed},
		{"an upgrade", request("GET", "/", "upgrade", "websocket"), malformed},
		{"a transfer coding", request("POST", "/", "transfer-encoding", "chunked"), malformed},
		{"a te of codings", request("GET", "/", "te", "gzip"), malformed},
		{"two lengths", request("POST", "/", "content-length", "0", "content-length", "1"), malformed},
		{"a length that is no number", request("POST", "/", "content-length", "+1"), malformed},
		{"a length without a body", request("POST", "/", "content-length", "1"), malformed},
		{"a protocol without CONNECT", request("GET", "/", ":protocol", "websocket"), malformed},

		{"a tunnel to anywhere", []string{":method", "CONNECT", ":authority", "a:1"}, `1:501 1:"501 Not Implemented\n"!`},
		{"another expectation", request("POST", "/", "expect", "tea"), `1:417 1:"417 Expectation Failed\n"!`},
		{"too many fields", request("GET", "/", many(200)...), `1:431 1:"431 Request Header Fields Too Large\n"!`},
		{"fields that are too large", request("GET", "/", "x", strings.Repeat("x", 65<<10)), `1:431 1:"431 Request Header Fields Too Large\n"!`},
		{"as many cookies as there may be", request("GET", "/", cookies(200)...), `1:200 1:"hello"!`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			refused := 0
			s := &http2.Server{Handler: hello, Refused: func(_ *exchange.Conn, status int, err error) {
				mu.Lock()
				defer mu.Unlock()
				refused++
				if !errors.Is(err, exchange.ErrClient) || !strings.Contains(c.want, fmt.Sprint(status)) {
					t.Errorf("refused with %d: %v", status, err)
				}
			}}
			p := dial(t, serve(t, s))
			p.long(1, c.fields...)
			done := stream(1)
			if strings.HasSuffix(c.want, "ERROR") {
				done = reset(1)
			}
			if got := p.expect(done); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			mu.Lock()
			if (refused == 1) != !strings.Contains(c.want, "200") {
				t.Errorf("told of %d refused requests", refused)
			}
			mu.Unlock()
			p.headers(3, true, request("GET", "/")...)
			if got := p.expect(stream(3)); got != `3:200 3:"hello"!` {
				t.Errorf("the next one got %s", got)
			}
		})
	}
}

func many(n int) (fields []string) {
	for i := range n {
		fields = append(fields, fmt.Sprint("x-", i), "y")
	}
	return fields
}

func cookies(n int) (fields []string) {
	for i := range n {
		fields = append(fields, "cookie", fmt.Sprint("c", i, "=v"))
	}
	return fields
}

// TestWhatTheHandlerSees of a request.
func TestWhatTheHandlerSees(t *testing.T) {
	got := make(chan string, 1)
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		content, err := io.ReadAll(x.Body)
		got <- fmt.Sprint(x.Method, " ", x.Scheme, " ", x.Authority, " ", x.Path, " ", x.Query, " ", x.Header, " ", x.Length, " ", string(content), x.Body.Trailers(), err)
		return x.Response.Head(204, nil, 0)
	}}
	p := dial(t, serve(t, s))
	p.headers(1, false, request("POST", "/a?b=c", "cookie", "a=1", "x", "y", "cookie", "b=2", "te", "trailers", "te", "trailers", "content-length", "4")...)
	_ = p.WriteData(1, false, []byte("bo"))
	_ = p.WriteDataPadded(1, false, []byte("dy"), []byte("padding"))
	p.headers(1, true, "after", "all", "content-length", "7")
	if got := p.expect(stream(1)); got != "1:204!" {
		t.Errorf("got %s", got)
	}
	want := "POST http app.example.test /a ?b=c [cookie: a=1; b=2 x: y te: trailers] 4 body[after: all] <nil>"
	if got := <-got; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

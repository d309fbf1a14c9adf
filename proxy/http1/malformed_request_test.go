package http1_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

// TestMalformedRequests: a request that two readers could understand differently is
// refused, and nothing after it on the connection is served.
func TestMalformedRequests(t *testing.T) {
	const host = "Host: a.example\r\n"
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"both Transfer-Encoding and Content-Length", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
		{"and the other way round", "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"two Content-Lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
		{"a list of Content-Lengths", "POST / HTTP/1.1\r\n" + host + "Content-Length: 5, 5\r\n\r\nhello", 400},
		{"Content-Length with a sign", "POST / HTTP/1.1\r\n" + host + "Content-Length: +5\r\n\r\nhello", 400},
		{"a negative Content-Length", "POST / HTTP/1.1\r\n" + host + "Content-Length: -5\r\n\r\nhello", 400},
		{"Content-Length with a space inside", "POST / HTTP/1.1\r\n" + host + "Content-Length: 1 1\r\n\r\nhello", 400},
		{"Content-Length in hexadecimal", "POST / HTTP/1.1\r\n" + host + "Content-Length: 0x5\r\n\r\nhello", 400},
		{"an empty Content-Length", "POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n", 400},
		{"a Content-Length beyond all bounds", "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},

		{"a coding after chunked", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
		{"chunked twice", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
		{"two Transfer-Encodings", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"identity", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n", 400},
		{"something like chunked", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n", 400},
		{"chunked with a parameter", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked;q=1\r\n\r\n", 400},
		{"chunked in quotes", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: \"chunked\"\r\n\r\n", 400},
		{"chunked after a vertical tab", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: \x0bchunked\r\n\r\n", 400},
		{"an empty Transfer-Encoding", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n\r\n", 400},
		{"a coding that is not spoken", "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
		{"Transfer-Encoding in HTTP/1.0", "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},

		{"bare LF after the request line", "GET / HTTP/1.1\n" + host + "\r\n", 400},
		{"bare LF after a field", "GET / HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n", 400},
		{"bare LF at the end", "GET / HTTP/1.1\r\n" + host + "\n", 400},
		{"bare CR in a field", "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n", 400},
		{"CR CR LF", "GET / HTTP/1.1\r\n" + host + "X: a\r\r\n\r\n", 400},
		{"bare CR in the request line", "GET /\r HTTP/1.1\r\n" + host + "\r\n", 400},
		{"obs-fold", "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n", 400},
		{"a fold before the first field", "GET / HTTP/1.1\r\n Host: a\r\n" + host + "\r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\n" + host + "Content-Length : 5\r\n\r\n", 400},
		{"tab before the colon", "GET / HTTP/1.1\r\n" + host + "Content-Length\t: 5\r\n\r\n", 400},
		{"no colon", "GET / HTTP/1.1\r\n" + host + "X\r\n\r\n", 400},
		{"no name", "GET / HTTP/1.1\r\n" + host + ": x\r\n\r\n", 400},
		{"a name with a slash", "GET / HTTP/1.1\r\n" + host + "a/b: x\r\n\r\n", 400},
		{"a name with a space", "GET / HTTP/1.1\r\n" + host + "a b: x\r\n\r\n", 400},
		{"a name with NUL", "GET / HTTP/1.1\r\n" + host + "a\x00: x\r\n\r\n", 400},
		{"a name beyond ASCII", "GET / HTTP/1.1\r\n" + host + "\xc3\xa4: x\r\n\r\n", 400},
		{"NUL in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n", 400},
		{"a control character in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x08b\r\n\r\n", 400},
		{"DEL in a value", "GET / HTTP/1.1\r\n" + host + "X: a\x7fb\r\n\r\n", 400},

		{"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two Hosts", "GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
		{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
		{"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
		{"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
		{"Host with a comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
		{"Host with a bad port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", 400},
		{"Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
		{"Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
		{"Host of a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
		{"absolute form with another host", "GET http://b.example/ HTTP/1.1\r\n" + host + "\r\n", 400},
		{"absolute form with another port", "GET http://a.example:81/ HTTP/1.1\r\n" + host + "\r\n", 400},
		{"absolute form with a user", "GET http://u@a.example/ HTTP/1.1\r\n" + host + "\r\n", 400},
		{"absolute form with another scheme", "GET https://a.example/ HTTP/1.1\r\n" + host + "\r\n", 400},
		{"absolute form without a Host field", "GET http://a.example/ HTTP/1.1\r\n\r\n", 400},

		{"no version", "GET /\r\n" + host + "\r\n", 400},
		{"two spaces after the method", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
		{"two spaces after the target", "GET /  HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a tab between", "GET\t/ HTTP/1.1\r\n" + host + "\r\n", 400},
		{"space before the method", " GET / HTTP/1.1\r\n" + host + "\r\n", 400},
		{"space after the version", "GET / HTTP/1.1 \r\n" + host + "\r\n", 400},
		{"a space in the target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a control character in the target", "GET /a\x01 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"NUL in the target", "GET /a\x00 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a fragment in the target", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a bad escape in the path", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
		{"half an escape in the path", "GET /%4 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a target without a slash", "GET a HTTP/1.1\r\n" + host + "\r\n", 400},
		{"a method that is no token", "G(T / HTTP/1.1\r\n" + host + "\r\n", 400},
		{"an asterisk for GET", "GET * HTTP/1.1\r\n" + host + "\r\n", 400},
		{"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", 400},
		{"lower-case http", "GET / http/1.1\r\n" + host + "\r\n", 400},
		{"a version with more digits", "GET / HTTP/1.10\r\n" + host + "\r\n", 400},
		{"HTTP/2 by its version", "GET / HTTP/2.0\r\n" + host + "\r\n", 505},
		{"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", 505},
		{"HTTP/0.9", "GET / HTTP/0.9\r\n" + host + "\r\n", 505},
		{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},

		{"CONNECT", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n", 501},
		{"another expectation", "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nExpect: cheese\r\n\r\nhello", 417},
		{"too long a target", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n" + host + "\r\n", 414},
		{"too long a target without an end", "GET /" + strings.Repeat("a", 9000), 414},
		{"too large a head", "GET / HTTP/1.1\r\n" + host + "X: " + strings.Repeat("a", 9000) + "\r\n\r\n", 431},
		{"too many fields that Connection names", "GET / HTTP/1.1\r\n" + host + "Connection: " + strings.Repeat("x,", 21) + "\r\n\r\n", 431},
		{"too many fields", "GET / HTTP/1.1\r\n" + host + strings.Repeat("X: y\r\n", 20) + "\r\n", 431},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits := settings()
			limits.Limits = gatelodge.Limits{HeaderBytes: 8 << 10, Headers: 20}
			refused := make(chan string, 1)
			p := dial(t, serve(t, &http1.Server{
				Settings: always(limits),
				Handler: func(ex *exchange.Exchange) error {
					t.Errorf("a handler got %s %q", ex.Method, ex.Path)
					return nil
				},
				Refused: func(_ *exchange.Conn, status int, err error) {
					refused <- fmt.Sprint(status, errors.Is(err, exchange.ErrClient))
				},
			}))
			p.send(c.request + "GET /smuggled HTTP/1.1\r\n" + host + "\r\n")
			res, _ := p.response("GET")
			if res.StatusCode != c.status || !res.Close {
				t.Errorf("got %d, close %v, want %d and Connection: close", res.StatusCode, res.Close, c.status)
			}
			if got, want := <-refused, fmt.Sprint(c.status, true); got != want {
				t.Errorf("Refused was called with %s, want %s", got, want)
			}
			p.CloseWrite()
			p.ended()
		})
	}
}

func TestUnusualRequestsThatAreFine(t *testing.T) {
	for _, c := range []struct {
		name, request, want string
	}{
		{"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http a / HTTP/1.1 0 []"},
		{"absolute form that agrees", "GET http://A.example:80/p?q HTTP/1.1\r\nHost: a.example:80\r\n\r\n", "GET http A.example:80 /p?q HTTP/1.1 0 []"},
		{"absolute form without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET http a / HTTP/1.1 0 []"},
		{"absolute form with a query alone", "GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n", "GET http a /?q HTTP/1.1 0 []"},
		{"absolute form in HTTP/1.0", "GET http://a/ HTTP/1.0\r\n\r\n", "GET http a / HTTP/1.0 0 []"},
		{"the server itself", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS http a * HTTP/1.1 0 []"},
		{"an IPv6 host", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "GET http [2001:db8::1]:80 / HTTP/1.1 0 []"},
		{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "GET http  / HTTP/1.0 0 []"},
		{"one Content-Length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "POST http a / HTTP/1.1 0 []"},
		{"an empty query", "GET /? HTTP/1.1\r\nHost: a\r\n\r\n", "GET http a /? HTTP/1.1 0 []"},
		{"white space around a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \t a b \t\r\n\r\n", "GET http a / HTTP/1.1 0 [x: a b]"},
		{"values beyond ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n", "GET http a / HTTP/1.1 0 [x: \xc3\xa4]"},
		{"order and repetition", "GET / HTTP/1.1\r\nB: 1\r\nHost: a\r\nA: 2\r\nb: 3\r\n\r\n", "GET http a / HTTP/1.1 0 [b: 1 a: 2 b: 3]"},
		{"chunked in capitals", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n", "POST http a / HTTP/1.1 -1 []"},
		{"a fields that Connection names", "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nConnection: x-a , X-B,,\r\nX-B: 1\r\nX-C: 1\r\n\r\n", "GET http a / HTTP/1.1 0 [x-c: 1]"},
		{"an upgrade without Connection", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "GET http a / HTTP/1.1 0 []"},
		{"an upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n", "GET http a / HTTP/1.1 0 [] websocket"},
		{"an upgrade to h2c", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n", "GET http a / HTTP/1.1 0 []"},
		{"a choice of upgrades", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n", "GET http a / HTTP/1.1 0 []"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan string, 1)
			p := dial(t, serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
				got <- strings.TrimSpace(fmt.Sprint(ex.Method, " ", ex.Scheme, " ", ex.Authority, " ", ex.Path+ex.Query, " ", ex.Version, " ", ex.Length, " ", ex.Header, " ", ex.Upgrade))
				return hello(ex)
			}}))
			p.send(c.request)
			if res, _ := p.response("GET"); res.StatusCode != 200 {
				t.Fatalf("got %d, want 200", res.StatusCode)
			}
			if got := <-got; got != c.want {
				t.Errorf("the handler got\n%s, want\n%s", got, c.want)
			}
		})
	}
}

// TestPrefaceHandsOver: a connection may start with HTTP/2, and no byte of it is lost.
func TestPrefaceHandsOver(t *testing.T) {
	got := make(chan string, 1)
	s := &http1.Server{Handler: hello, HTTP2: handOverTo(got)}
	addr := serve(t, s)
	p := dial(t, addr)
	p.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nframes")
	p.expect("settings")
	p.CloseWrite()
	if got := <-got; got != "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nframes" {
		t.Errorf("HTTP/2 got %q", got)
	}

	p = dial(t, addr)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	p.response("GET")
	p.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if res, _ := p.response("GET"); res.StatusCode != 505 {
		t.Errorf("got %d for a preface after a request, want 505", res.StatusCode)
	}
}

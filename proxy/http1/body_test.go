package http1_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

func TestChunkedBodies(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"nothing", "0\r\n\r\n", ""},
		{"two chunks", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
		{"hexadecimal in both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"},
		{"leading zeros", "0003\r\nabc\r\n000\r\n\r\n", "abc"},
		{"an extension", "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n", "abc"},
		{"trailers", "3\r\nabc\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n", "abc[x-a: 1 x-b: 2]"},
		{"trailers that are none of a trailer's business", "0\r\nContent-Length: 5\r\nHost: b\r\nX: 1\r\n\r\n", "[x: 1]"},

		{"no size", "\r\nabc\r\n0\r\n\r\n", "error"},
		{"a sign", "+3\r\nabc\r\n0\r\n\r\n", "error"},
		{"a minus", "-3\r\nabc\r\n0\r\n\r\n", "error"},
		{"0x", "0x3\r\nabc\r\n0\r\n\r\n", "error"},
		{"space before the size", " 3\r\nabc\r\n0\r\n\r\n", "error"},
		{"space after the size", "3 \r\nabc\r\n0\r\n\r\n", "error"},
		{"an underscore", "1_0\r\nabc\r\n0\r\n\r\n", "error"},
		{"an overflow", "ffffffffffffffff3\r\nabc\r\n0\r\n\r\n", "error"},
		{"64 bits", "8000000000000000\r\nabc\r\n0\r\n\r\n", "error"},
		{"LF after the size", "3\nabc\r\n0\r\n\r\n", "error"},
		{"CR after the size", "3\rabc\r\n0\r\n\r\n", "error"},
		{"LF in an extension", "3;a\nabc\r\n0\r\n\r\n", "error"},
		{"CR in an extension", "3;a\rb\r\nabc\r\n0\r\n\r\n", "error"},
		{"NUL in an extension", "3;\x00\r\nabc\r\n0\r\n\r\n", "error"},
		{"too long an extension", "3;" + strings.Repeat("x", 9000) + "\r\nabc\r\n0\r\n\r\n", "error"},
		{"extensions that are too long together", strings.Repeat("1;"+strings.Repeat("x", 100)+"\r\na\r\n", 100) + "0\r\n\r\n", "error"},
		{"more data than the size says", "2\r\nabc\r\n0\r\n\r\n", "error"},
		{"less data than the size says", "5\r\nabc\r\n0\r\n\r\n", "error"},
		{"LF after the data", "3\r\nabc\n0\r\n\r\n", "error"},
		{"a malformed trailer", "0\r\nX : 1\r\n\r\n", "error"},
		{"LF in the trailers", "0\r\nX: 1\n\r\n", "error"},
		{"too many trailers", "0\r\n" + strings.Repeat("X: 1\r\n", 200) + "\r\n", "error"},
		{"too large trailers", "0\r\nX: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", "error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := make(chan string, 1)
			p := dial(t, serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
				body, err := io.ReadAll(ex.Body)
				switch trailers := ex.Body.Trailers(); {
				case err != nil && errors.Is(err, exchange.ErrClient):
					got <- "error"
				case err != nil:
					got <- "error that does not wrap ErrClient: " + err.Error()
				case len(trailers) > 0:
					got <- fmt.Sprint(string(body), trailers)
				default:
					got <- string(body)
				}
				if err == nil && ex.Received != int64(len(body)) {
					t.Errorf("Received is %d after %d bytes", ex.Received, len(body))
				}
				return ex.Response.Head(200, nil, 0)
			}}))
			p.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + c.body)
			p.send("GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if got := <-got; got != c.want {
				t.Errorf("the handler got %.200q, want %q", got, c.want)
			}
			p.response("POST")
			if c.want == "error" {
				p.CloseWrite()
				p.ended() // where the next request begins, nobody knows
			} else {
				p.response("GET")
			}
		})
	}
}

func TestBodyEndsEarly(t *testing.T) {
	for name, request := range map[string]string{
		"a length": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
		"chunks":   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			failed := make(chan error, 1)
			p := dial(t, serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
				_, err := io.Copy(io.Discard, ex.Body)
				failed <- err
				return err
			}}))
			p.send(request)
			p.CloseWrite()
			if err := <-failed; !errors.Is(err, exchange.ErrClient) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got error %v, want ErrClient and an unexpected end", err)
			}
			p.ended()
		})
	}
}

// TestClosingABody: closing ends a pending Read in another goroutine, and the engine
// deals with the rest.
func TestClosingABody(t *testing.T) {
	addr := serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
		if ex.Path == "/next" {
			return hello(ex)
		}
		failed := make(chan error)
		first := make(chan struct{})
		go func() {
			var buf [4]byte
			io.ReadFull(ex.Body, buf[:])
			close(first)
			_, err := ex.Body.Read(buf[:])
			failed <- err
		}()
		<-first
		ex.Body.Close()
		if err := <-failed; !errors.Is(err, exchange.ErrClient) {
			t.Errorf("Read returned %v, want an error", err)
		}
		ex.Body.Close()
		if _, err := ex.Body.Read(make([]byte, 1)); err == nil {
			t.Error("Read after Close worked")
		}
		return ex.Response.Head(200, nil, 0)
	}})
	p := dial(t, addr)
	p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf")
	p.response("POST")
	p.send("gone" + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, body := p.response("GET"); body != "GET /next" {
		t.Errorf("got %q", body)
	}
}

// TestHandlersThatMisbehave: the client can tell whatever a handler does wrong.
func TestHandlersThatMisbehave(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler exchange.Handler
		want    string
	}{
		{"no answer", func(*exchange.Exchange) error { return nil }, "500"},
		{"an error and no answer", func(*exchange.Exchange) error { return exchange.ErrBackend }, "500"},
		{"the client's error and no answer", func(*exchange.Exchange) error { return exchange.ErrClient }, "nothing"},
		{"a panic", func(*exchange.Exchange) error { panic("test") }, "nothing"},
		{"less than announced", func(ex *exchange.Exchange) error {
			ex.Response.Head(200, nil, 10)
			ex.Response.Write([]byte("half"))
			return nil
		}, "half, broken"},
		{"more than announced", func(ex *exchange.Exchange) error {
			ex.Response.Head(200, nil, 4)
			ex.Response.Write([]byte("half"))
			_, err := ex.Response.Write([]byte("more"))
			return err
		}, "half"},
		{"two answers", func(ex *exchange.Exchange) error {
			ex.Response.Head(200, nil, 4)
			ex.Response.Write([]byte("good"))
			return ex.Response.Head(502, nil, 0)
		}, "good"},
		{"an error within the answer", func(ex *exchange.Exchange) error {
			ex.Response.Head(200, nil, -1)
			ex.Response.Write([]byte("half"))
			return exchange.ErrBackend
		}, "half, broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dial(t, serve(t, &http1.Server{Handler: c.handler}))
			p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if got := p.outcome(); got != c.want {
				t.Errorf("the client got %s, want %s", got, c.want)
			}
		})
	}
}

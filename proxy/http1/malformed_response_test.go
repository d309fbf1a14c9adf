package http1_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
	"gatelodge.dev/proxy/proxytest"
)

// TestMalformedResponses: the same rules apply to backends as to clients, and no part
// of a malformed response reaches the client.
func TestMalformedResponses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct{ name, answer string }{
		{"both Transfer-Encoding and Content-Length", ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
		{"two Content-Lengths", ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
		{"a list of Content-Lengths", ok + "Content-Length: 5,5\r\n\r\nhello"},
		{"Content-Length with a sign", ok + "Content-Length: +5\r\n\r\nhello"},
		{"a coding after chunked", ok + "Transfer-Encoding: chunked, gzip\r\n\r\n"},
		{"a coding before chunked", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
		{"identity", ok + "Transfer-Encoding: identity\r\n\r\nx"},
		{"Transfer-Encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"},
		{"bare CR", ok + "X: a\rb\r\nContent-Length: 0\r\n\r\n"},
		{"obs-fold", ok + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n"},
		{"space in a name", ok + "Content Length: 0\r\n\r\n"},
		{"a name that is no token", ok + "a(b: x\r\nContent-Length: 0\r\n\r\n"},
		{"NUL in a value", ok + "X: \x00\r\nContent-Length: 0\r\n\r\n"},
		{"no status", "HTTP/1.1\r\nContent-Length: 0\r\n\r\n"},
		{"a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"},
		{"a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"},
		{"a status below 100", "HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"},
		{"a control character in the reason", "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n"},
		{"two spaces before the status", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"another version", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n"},
		{"an empty line first", "\r\n" + ok + "Content-Length: 0\r\n\r\n"},
		{"an upgrade that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
		{"no end of interim responses", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100) + ok + "Content-Length: 0\r\n\r\n"},
		{"too large a head", ok + "X: " + strings.Repeat("x", 70<<10) + "\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newClient(t, script(t, func(nc net.Conn, r *bufio.Reader) {
				readHead(r)
				io.WriteString(nc, c.answer)
				io.Copy(io.Discard, r)
			}), settings())
			answer := &recorder{}
			err := client.Do(&exchange.Exchange{Context: t.Context(), Method: "GET", Authority: "a", Path: "/", Response: answer})
			if !errors.Is(err, exchange.ErrBackend) || errors.Is(err, exchange.ErrUnsent) || errors.Is(err, exchange.ErrTimeout) || answer.status != 0 {
				t.Errorf("got %d and error %v, want nothing and ErrBackend", answer.status, err)
			}
			if large := strings.HasPrefix(c.name, "too "); errors.Is(err, exchange.ErrTooLarge) != large {
				t.Errorf("error %v, want ErrTooLarge: %v", err, large)
			}
		})
	}
}

// TestUnrequestedResponse: what a backend sends after its response must not become
// the response to another client's request.
func TestUnrequestedResponse(t *testing.T) {
	for name, answer := range map[string]string{
		"a second answer":        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
		"a body to a 204":        "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
		"chunks to a 204":        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
		"something after chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nevil",
	} {
		t.Run(name, func(t *testing.T) {
			conns := make(chan struct{}, 10)
			addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
				conns <- struct{}{}
				for readHead(r) != "" {
					io.WriteString(nc, answer)
				}
			}))
			p := dial(t, addr)
			for range 3 {
				p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				if res, body := p.response("GET"); res.StatusCode/100 != 2 || body != "ok" && res.StatusCode != 204 {
					t.Errorf("got %d %q", res.StatusCode, body)
				}
			}
			if len(conns) != 3 {
				t.Errorf("%d connections for 3 requests: one was used again", len(conns))
			}
		})
	}
}

// TestBackendOutcomes: the errors for each way in which a backend fails, and what the
// client gets from a handler that answers them with 502.
func TestBackendOutcomes(t *testing.T) {
	reset := func(nc net.Conn) { nc.(*net.TCPConn).SetLinger(0) }
	for _, c := range []struct {
		name string
		addr string
		want []error
		not  []error
		sent string // what the client gets of the body
	}{
		{"refuses", proxytest.DeadAddress(t).String(), []error{exchange.ErrBackend, exchange.ErrUnsent}, []error{http1.ErrStale}, ""},
		{"closes without an answer", script(t, func(nc net.Conn, r *bufio.Reader) { readHead(r) }),
			[]error{exchange.ErrBackend, io.ErrUnexpectedEOF}, []error{exchange.ErrUnsent, http1.ErrStale}, ""},
		{"resets mid-head", script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Le")
			reset(nc)
		}), []error{exchange.ErrBackend}, []error{exchange.ErrUnsent, http1.ErrStale}, ""},
		{"closes mid-body", script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		}), []error{exchange.ErrBackend, io.ErrUnexpectedEOF}, []error{exchange.ErrUnsent}, "half"},
		{"closes mid-chunk", script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf")
		}), []error{exchange.ErrBackend, io.ErrUnexpectedEOF}, []error{exchange.ErrUnsent}, "half"},
		{"closes before the last chunk", script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
		}), []error{exchange.ErrBackend, io.ErrUnexpectedEOF}, []error{exchange.ErrUnsent}, "half"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newClient(t, c.addr, settings())
			failed := make(chan error, 1)
			p := dial(t, serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
				err := client.Do(ex)
				failed <- err
				if ex.Sent == 0 {
					return ex.Response.Head(502, nil, 0)
				}
				return err
			}}))
			p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			err := <-failed
			for _, want := range c.want {
				if !errors.Is(err, want) {
					t.Errorf("error %v, want it to be %v", err, want)
				}
			}
			for _, not := range append(c.not, exchange.ErrClient, exchange.ErrTimeout) {
				if errors.Is(err, not) {
					t.Errorf("error %v, want it not to be %v", err, not)
				}
			}
			res, readErr := http.ReadResponse(p.r, nil)
			if readErr != nil {
				t.Fatal(readErr)
			}
			body, readErr := io.ReadAll(res.Body)
			if whole := c.sent == ""; whole && res.StatusCode != 502 || !whole && (string(body) != c.sent || readErr == nil) {
				t.Errorf("the client got %d %q (%v)", res.StatusCode, body, readErr)
			}
		})
	}
}

// TestBrokenAnswerToHTTP10: without length and chunks the client can still tell.
func TestBrokenAnswerToHTTP10(t *testing.T) {
	addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
		readHead(r)
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf")
	}))
	p := dial(t, addr)
	p.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
	if all, err := io.ReadAll(p.r); err == nil {
		t.Errorf("got %q and an orderly end, want a reset", all)
	}
}

// closeSeen closes a connection, and returns when the peer's system knows of it.
func closeSeen(nc net.Conn) {
	nc.(*net.TCPConn).SetLinger(int(patience.Seconds()))
	nc.Close()
}

func TestKeptConnections(t *testing.T) {
	get := func(t *testing.T, client *http1.Client) (*recorder, error) {
		answer := &recorder{}
		return answer, client.Do(&exchange.Exchange{Context: t.Context(), Method: "GET", Authority: "a", Path: "/", Response: answer})
	}
	t.Run("one that the backend closed meanwhile is not used", func(t *testing.T) {
		closed := make(chan struct{}, 10)
		client := newClient(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			closeSeen(nc)
			closed <- struct{}{}
		}), settings())
		for range 5 {
			if answer, err := get(t, client); err != nil || answer.body.String() != "ok" {
				t.Fatalf("got %q, %v", answer.body.String(), err)
			}
			<-closed
		}
	})
	t.Run("and a body that was taken already is not lost", func(t *testing.T) {
		closed := make(chan struct{}, 10)
		addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			if head := readHead(r); !strings.HasPrefix(head, "POST ") {
				t.Errorf("the backend got %q", head)
			}
			var body [4]byte
			io.ReadFull(r, body[:])
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"+string(body[:]))
			closeSeen(nc)
			closed <- struct{}{}
		}))
		p := dial(t, addr)
		for range 5 {
			p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
			if res, body := p.response("POST"); res.StatusCode != 200 || body != "body" {
				t.Fatalf("got %d %q", res.StatusCode, body)
			}
			<-closed
		}
	})
	t.Run("one that the backend closes just then is stale", func(t *testing.T) {
		client := newClient(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			readHead(r)
		}), settings())
		if _, err := get(t, client); err != nil {
			t.Fatal(err)
		}
		if _, err := get(t, client); !errors.Is(err, http1.ErrStale) || !errors.Is(err, exchange.ErrBackend) || errors.Is(err, exchange.ErrUnsent) {
			t.Errorf("got error %v, want ErrStale", err)
		}
	})
	t.Run("they are used one after the other", func(t *testing.T) {
		conns := make(chan struct{}, 10)
		client := newClient(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			conns <- struct{}{}
			for readHead(r) != "" {
				io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
		}), settings())
		for range 5 {
			if _, err := get(t, client); err != nil {
				t.Fatal(err)
			}
		}
		if len(conns) != 1 {
			t.Errorf("%d connections for 5 requests", len(conns))
		}
		client.Close()
		if _, err := get(t, client); err != nil || len(conns) != 2 {
			t.Errorf("after Close: %v, %d connections, want a new one", err, len(conns))
		}
	})
}

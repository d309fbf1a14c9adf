package http1_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

// patience is how long a test waits for what should happen at once: long, as a machine
// may have much else to do.
const patience = time.Minute

func settings() *gatelodge.Settings {
	return &gatelodge.Settings{
		Timeouts: gatelodge.Timeouts{
			Header: patience, Body: patience, Idle: patience, Connect: patience, Read: patience, Send: patience,
		},
		Limits: gatelodge.Limits{HeaderBytes: 64 << 10, Headers: 128},
	}
}

func always(s *gatelodge.Settings) func() *gatelodge.Settings {
	return func() *gatelodge.Settings { return s }
}

// serve runs a server on loopback until the test ends.
func serve(t testing.TB, s *http1.Server) (addr string) {
	t.Helper()
	if s.Settings == nil {
		s.Settings = always(settings())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { s.ServeConn(context.Background(), nc, infoOf(nc)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

func infoOf(nc net.Conn) *exchange.Conn {
	info := &exchange.Conn{}
	if peer, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		info.Peer = peer.AddrPort()
	}
	return info
}

// gateway runs a server that forwards every request to backend.
func gateway(t testing.TB, backend string) (addr string) {
	t.Helper()
	client := newClient(t, backend, settings())
	return serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
		err := client.Do(ex)
		if err != nil {
			t.Logf("%s %s: %v", ex.Method, ex.Path, err)
		}
		return err
	}})
}

func newClient(t testing.TB, backend string, s *gatelodge.Settings) *http1.Client {
	t.Helper()
	client := http1.NewClient(netip.MustParseAddrPort(backend), http1.Options{Settings: always(s)})
	t.Cleanup(client.Close)
	return client
}

// backend runs a net/http server on loopback until the test ends.
func backend(t testing.TB, h http.HandlerFunc) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return l.Addr().String()
}

// script runs a backend that handles each connection with a function.
func script(t testing.TB, f func(nc net.Conn, r *bufio.Reader)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.SetDeadline(time.Now().Add(patience))
			conns.Go(func() {
				defer nc.Close()
				f(nc, bufio.NewReader(nc))
			})
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return l.Addr().String()
}

// readHead reads a head as text, up to its empty line.
func readHead(r *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

// peer is a test's connection, for reading and writing bytes.
type peer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, addr string) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { nc.Close() })
	return &peer{t, nc, bufio.NewReader(nc)}
}

func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, text); err != nil {
		p.t.Fatal(err)
	}
}

// expect reads exactly the text.
func (p *peer) expect(text string) {
	p.t.Helper()
	got := make([]byte, len(text))
	n, err := io.ReadFull(p.r, got)
	if string(got[:n]) != text {
		p.t.Fatalf("got %q, want %q (%v)", got[:n], text, err)
	}
}

// response reads a response with net/http.
func (p *peer) response(method string) (*http.Response, string) {
	p.t.Helper()
	res, err := http.ReadResponse(p.r, &http.Request{Method: method})
	if err != nil {
		p.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res, string(body)
}

// outcome returns the body of a response, or its status if that is not 200.
func (p *peer) outcome() string {
	p.t.Helper()
	res, err := http.ReadResponse(p.r, nil)
	if err != nil {
		return "nothing"
	}
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return string(body) + ", broken"
	case res.StatusCode != 200:
		return strconv.Itoa(res.StatusCode)
	}
	return string(body)
}

// ended fails the test unless the connection ends without further bytes.
func (p *peer) ended() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.r); err != nil || len(rest) > 0 {
		p.t.Fatalf("got %q (%v), want the end of the connection", rest, err)
	}
}

func (p *peer) CloseWrite() {
	p.t.Helper()
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		p.t.Fatal(err)
	}
}

// handOverTo returns a Server.HTTP2 that writes a greeting and sends all it reads to
// got.
func handOverTo(got chan<- string) func(context.Context, net.Conn, *exchange.Conn, []byte) {
	return func(_ context.Context, nc net.Conn, _ *exchange.Conn, read []byte) {
		io.WriteString(nc, "settings")
		rest, _ := io.ReadAll(nc)
		got <- string(read) + string(rest)
	}
}

// hello responds to every request with its method and path.
func hello(ex *exchange.Exchange) error {
	text := ex.Method + " " + ex.Path + ex.Query
	if err := ex.Response.Head(200, exchange.Fields{{Name: "date", Value: "now"}}, int64(len(text))); err != nil {
		return err
	}
	_, err := ex.Response.Write([]byte(text))
	return err
}

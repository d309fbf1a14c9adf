package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// TestDrain: a request in progress finishes, and no new connection is accepted.
func TestDrain(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		came, finish := make(chan struct{}), make(chan struct{})
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			close(came)
			<-finish
			_, _ = io.WriteString(w, "finished")
		})))
		client := g.client(m)
		answer := make(chan string, 1)
		go func() {
			response, err := client.Get(m.url(appHost, "/"))
			if err != nil {
				answer <- err.Error()
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			answer <- fmt.Sprint(string(body), err)
		}()
		<-came
		drained := make(chan error, 1)
		go func() { drained <- g.drain() }()
		eventually(t, "the listener is closed", func() bool { return !g.listens(m) })
		close(finish)
		if got := <-answer; got != "finished<nil>" {
			t.Errorf("got %q", got)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if lines := g.lines(1); lines[0]["status"] != 200.0 {
			t.Errorf("logged %v", lines)
		}
	})
}

// listens reports whether a listener is open. To connect would not tell: when it is
// closed, another program may get its port.
func (g *gateway) listens(m mode) bool {
	g.server.mu.Lock()
	defer g.server.mu.Unlock()
	for _, l := range g.server.listeners {
		if (l.tls != nil) == m.tls() {
			return l.accept.Listener.(*net.TCPListener).SetDeadline(time.Time{}) == nil // which fails once it is closed
		}
	}
	return false
}

// TestLeave: the next response asks a client to leave, and new ones are served.
func TestLeave(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {})))
		c, err := net.Dial("tcp", g.address(m))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(2 * patience))
		if m.tls() {
			c = tls.Client(c, &tls.Config{RootCAs: roots(), ServerName: appHost})
		}
		in := bufio.NewReader(c)
		leaves := func() bool {
			t.Helper()
			fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", appHost)
			response, err := http.ReadResponse(in, nil)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("got %v, %v", response, err)
			}
			return response.Close
		}
		if leaves() {
			t.Error("the client is asked to leave before anybody leaves")
		}
		g.server.Leave()
		if !leaves() {
			t.Error("the client is not asked to leave by the answer to a request that was on its way")
		}
		if _, err := in.ReadByte(); err != io.EOF {
			t.Errorf("the connection ends with %v", err)
		}
		if answer := g.get(m, "/"); answer.StatusCode != http.StatusOK {
			t.Errorf("a new client got %s", answer.Status)
		}
	}, h1, h1tls)
}

// TestLeaveOverHTTP2: clients go on to another connection, and no request is lost.
func TestLeaveOverHTTP2(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {})))
		client := g.client(m)
		// get reports whether the request reused a connection.
		get := func() (reused bool) {
			t.Helper()
			trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
			request := newRequest(t, http.MethodGet, m.url(appHost, "/"), nil)
			if answer := do(t, client, request.WithContext(httptrace.WithClientTrace(t.Context(), trace))); answer.StatusCode != http.StatusOK {
				t.Errorf("got %s", answer.Status)
			}
			return reused
		}
		get()
		if !get() {
			t.Error("the client connects anew before anybody leaves")
		}
		g.server.Leave()
		if !get() {
			t.Error("the client had to connect anew for the request that was on its way")
		}
		eventually(t, "the client connects anew", func() bool { return !get() })
	}, h2, h2c)
}

// TestDrainLimits: what does not end in time is aborted, and Drain returns an error.
func TestDrainLimits(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/ws" {
				webSocketEcho(w, r)
				return
			}
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})), settings(func(s *gatelodge.Settings) {
			s.Drain.Timeout, s.Drain.Tunnels = 50*time.Millisecond, time.Hour
		}))
		response, err := g.client(m).Get(m.url(appHost, "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		socket := g.webSocket(m)
		ctx, over := context.WithCancel(t.Context()) // ends drain.tunnels when the test has seen the tunnel
		defer over()
		g.drained = true
		drained := make(chan error, 1)
		go func() { drained <- g.server.Drain(ctx) }()
		if _, err := io.ReadAll(response.Body); err == nil {
			t.Error("an aborted stream ended as if it were complete")
		}
		if err := echo(socket, "still here"); err != nil {
			t.Errorf("the tunnel ended with the requests: %v", err)
		}
		over()
		if _, _, err := socket.ReadMessage(); err == nil {
			t.Error("the tunnel is still there")
		}
		err = <-drained
		if err == nil || !strings.Contains(err.Error(), "requests aborted") || !strings.Contains(err.Error(), "1 tunnels aborted") {
			t.Errorf("got %v", err)
		}
		if err := <-g.served; err != nil {
			t.Error(err)
		}
	})
}

// TestConnectionLimit: a connection over the limit is closed, and one is accepted
// when another has ended.
func TestConnectionLimit(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), settings(func(s *gatelodge.Settings) {
		s.Limits.Connections = 1
	}))
	first, err := net.Dial("tcp", g.address(h1))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c net.Conn) bool {
		_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", appHost)
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		return err == nil && response.StatusCode == 200
	}
	if !ask(first) {
		t.Fatal("the first connection is not served")
	}
	second, err := net.Dial("tcp", g.address(h1))
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if ask(second) {
		t.Error("a connection over the limit is served")
	}
	if got := g.metric("gatelodge_http_open_connections", "listener", "http"); got != 1 {
		t.Errorf("%v connections are counted", got)
	}
	_ = first.Close()
	eventually(t, "a connection in the place of the first", func() bool {
		c, err := net.Dial("tcp", g.address(h1))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return ask(c)
	})
}

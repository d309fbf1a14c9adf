package proxy

import (
	"bufio"
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
		eventually(t, "the listener is closed", func() bool {
			c, err := net.Dial("tcp", g.address(m))
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
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

// TestLeave: the next response asks a client to leave, and new ones are served.
func TestLeave(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {})))
		client := g.client(m)
		// get reports whether the request reused a connection.
		get := func() (reused bool) {
			t.Helper()
			trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
			request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, m.url(appHost, "/"), nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("got %s", response.Status)
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
	})
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
			s.Drain.Timeout, s.Drain.Tunnels = 50*time.Millisecond, 700*time.Millisecond
		}))
		response, err := g.client(m).Get(m.url(appHost, "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		socket := g.webSocket(m)
		drained := make(chan error, 1)
		go func() { drained <- g.drain() }()
		if _, err := io.ReadAll(response.Body); err == nil {
			t.Error("a aborted stream ended as if it were complete")
		}
		if err := echo(socket, "still here"); err != nil {
			t.Errorf("the tunnel ended with the requests: %v", err)
		}
		if _, _, err := socket.ReadMessage(); err == nil {
			t.Error("the tunnel is still there")
		}
		err = <-drained
		if err == nil || !strings.Contains(err.Error(), "requests aborted") || !strings.Contains(err.Error(), "1 tunnels aborted") {
			t.Errorf("got %v", err)
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

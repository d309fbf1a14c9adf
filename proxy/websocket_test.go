package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	gatelodge "gatelodge.dev"
)

// webSocketEcho is a backend that sends each message back.
func webSocketEcho(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }, Subprotocols: []string{"chat"}}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		kind, message, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, message) != nil {
			return
		}
	}
}

// webSocket opens one through the gateway.
func (g *gateway) webSocket(m mode) *websocket.Conn {
	c, _ := g.answeredWebSocket(m)
	return c
}

// answeredWebSocket opens one, and returns the answer that did.
func (g *gateway) answeredWebSocket(m mode) (*websocket.Conn, *http.Response) {
	g.t.Helper()
	c, answer, err := g.dialWebSocket(m)
	if err != nil {
		g.t.Fatal(err)
	}
	return c, answer
}

// webSocketInTime opens one; nil: a timeout of the gateway was over before it was open.
func (g *gateway) webSocketInTime(m mode) *websocket.Conn {
	g.t.Helper()
	c, answer, err := g.dialWebSocket(m)
	if err != nil && (answer == nil || answer.StatusCode != 504) {
		g.t.Fatal(err)
	}
	return c
}

func (g *gateway) dialWebSocket(m mode) (*websocket.Conn, *http.Response, error) {
	g.t.Helper()
	dialer := websocket.Dialer{
		NetDial:         func(network, _ string) (net.Conn, error) { return net.Dial(network, g.address(m)) },
		TLSClientConfig: &tls.Config{RootCAs: roots()},
		Subprotocols:    []string{"chat"},
	}
	url := strings.Replace(m.url(appHost, "/ws"), "http", "ws", 1)
	if m.http2() {
		dialer.NetDial = func(string, string) (net.Conn, error) { return g.translated(m), nil }
		url = "ws://" + appHost + "/ws" // TLS is the translator's
	}
	c, answer, err := dialer.Dial(url, nil)
	if err == nil {
		g.t.Cleanup(func() { _ = c.Close() })
	}
	return c, answer, err
}

func echo(c *websocket.Conn, message string) error {
	if err := c.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		return err
	}
	_, got, err := c.ReadMessage()
	if err == nil && string(got) != message {
		err = fmt.Errorf("got %q, want %q", got, message)
	}
	return err
}

func TestWebSocket(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		inTime(t, func(timeout time.Duration) bool {
			g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, webSocketEcho)), settings(func(s *gatelodge.Settings) {
				s.Timeouts.Read, s.Timeouts.Body = timeout, timeout // no limit for a tunnel
			}))
			c := g.webSocketInTime(m)
			if c == nil {
				return false
			}
			if c.Subprotocol() != "chat" {
				t.Errorf("subprotocol %q", c.Subprotocol())
			}
			quiet := time.NewTimer(4 * timeout)
			for _, message := range []string{"one", strings.Repeat("long", 20000), "three"} {
				if err := echo(c, message); err != nil {
					t.Fatal(err)
				}
			}
			<-quiet.C
			if err := echo(c, "after a while"); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			line := g.lines(1)[0]
			if line["status"] != 101.0 || line["bytes_in"].(float64) < 80000 || line["bytes_out"].(float64) < 80000 {
				t.Errorf("logged %v", line)
			}
			return true
		})
	})
}

// TestHalfClose: a side that has finished sending still receives, with a protocol
// that the gateway doesn't know.
func TestHalfClose(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				reader := bufio.NewReader(c)
				if _, err := http.ReadRequest(reader); err != nil {
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: Telepathy/2\r\n\r\n")
				all, _ := io.ReadAll(reader) // until the client says that it is done
				_, _ = fmt.Fprintf(c, "got %s", all)
			}()
		}
	}()
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, netip.MustParseAddrPort(l.Addr().String())))
		if m.http2() {
			tunnel, answer := g.tunnel(m, "Telepathy/2", "/", nil)
			if answer.StatusCode != 200 {
				t.Fatalf("got %d", answer.StatusCode)
			}
			_, _ = io.WriteString(tunnel, "early ")
			_, _ = io.WriteString(tunnel, "late")
			_ = tunnel.CloseWrite()
			if got, err := io.ReadAll(tunnel); err != nil || string(got) != "got early late" {
				t.Errorf("got %q, %v", got, err)
			}
			return
		}
		var c interface {
			net.Conn
			CloseWrite() error
		}
		tcp, err := net.Dial("tcp", g.address(m))
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		c = tcp.(*net.TCPConn)
		if m.tls() {
			c = tls.Client(tcp, &tls.Config{RootCAs: roots(), ServerName: appHost})
		}
		_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: Telepathy/2\r\n\r\nearly ", appHost)
		reader := bufio.NewReader(c)
		response, err := http.ReadResponse(reader, nil)
		if err != nil || response.StatusCode != 101 || response.Header.Get("Upgrade") != "Telepathy/2" {
			t.Fatalf("got %v, %v", response, err)
		}
		_, _ = io.WriteString(c, "late")
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(reader); err != nil || string(got) != "got early late" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestUpgradeWithBody: an upgrade may have a body beside it, and a backend that
// ignores the upgrade gets the body as of any other request. Package http1 tests
// that a tunnel begins behind it. Over HTTP/2 to the backend there is no such
// upgrade.
func TestUpgradeWithBody(t *testing.T) {
	for protocol, want := range map[gatelodge.BackendProtocol]string{
		gatelodge.BackendHTTP: `upgrade="websocket" body="hello"`,
		gatelodge.BackendH2C:  `upgrade="" body="hello"`,
	} {
		inModes(t, func(t *testing.T, m mode) {
			g := start(t, app(protocol, backendServer(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "upgrade=%q body=%q", r.Header.Get("Upgrade"), body)
			})))
			client := g.client(m)
			for range 2 {
				r := newRequest(t, "POST", m.url(appHost, "/"), strings.NewReader("hello"))
				r.Header.Set("Connection", "Upgrade")
				r.Header.Set("Upgrade", "websocket")
				if got := do(t, client, r).body; got != want {
					t.Errorf("to %s: got %s, want %s", protocol, got, want)
				}
			}
		}, h1, h1tls)
	}
}

// TestUpgradeRefused: the backend's refusal reaches the client, and an upgrade that
// was not requested does not.
func TestUpgradeRefused(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") == "h2c" {
				w.WriteHeader(500)
				return
			}
			w.WriteHeader(426)
		})))
		for token, want := range map[string]int{"websocket": 426, "h2c": 426} {
			if m.http2() {
				if _, answer := g.tunnel(m, token, "/", nil); answer.StatusCode != want {
					t.Errorf("%s: got %d, want %d", token, answer.StatusCode, want)
				}
				continue
			}
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", token)
			if got := do(t, g.client(m), r).StatusCode; got != want {
				t.Errorf("%s: got %d, want %d", token, got, want)
			}
		}
	})
}

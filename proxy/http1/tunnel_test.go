package http1_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

const upgrade = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: Echo/1\r\n\r\n"

// echoBackend answers an upgrade, greets, and echoes in capitals until the end.
func echoBackend(t testing.TB) string {
	return script(t, func(nc net.Conn, r *bufio.Reader) {
		if head := readHead(r); !strings.Contains(head, "\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n") {
			t.Errorf("the backend got %q", head)
		}
		io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: Echo/1\r\nX-Kept: 1\r\n\r\nhello\n")
		for {
			line, err := r.ReadString('\n')
			io.WriteString(nc, strings.ToUpper(line))
			if err != nil {
				io.WriteString(nc, "bye\n")
				return
			}
		}
	})
}

// TestTunnel: what arrives with either head is not lost, and the end of one direction
// leaves the other open.
func TestTunnel(t *testing.T) {
	client := newClient(t, echoBackend(t), settings())
	counts := make(chan string, 1)
	addr := serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
		err := client.Do(ex)
		counts <- fmt.Sprint(ex.Received, " ", ex.Sent, " ", err)
		return err
	}})
	p := dial(t, addr)
	p.send(upgrade + "early\n")
	res, err := http.ReadResponse(p.r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "Echo/1" || res.Header.Get("X-Kept") != "1" {
		t.Fatalf("got %v, %v", res, err)
	}
	p.expect("hello\nEARLY\n")
	for range 100 {
		p.send("ping\n")
		p.expect("PING\n")
	}
	p.CloseWrite()
	p.expect("bye\n")
	p.ended()
	if got, want := <-counts, "506 516 <nil>"; got != want {
		t.Errorf("received, sent, error: %s, want %s", got, want)
	}
}

func TestTunnelEndsWithEitherSide(t *testing.T) {
	t.Run("the backend ends it", func(t *testing.T) {
		addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\nhello\n")
		}))
		p := dial(t, addr)
		p.send(upgrade)
		http.ReadResponse(p.r, nil)
		p.expect("hello\n")
		p.ended()
	})
	t.Run("the client resets it", func(t *testing.T) {
		ended := make(chan error, 1)
		addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\n")
			_, err := io.Copy(io.Discard, r)
			ended <- err
		}))
		p := dial(t, addr)
		p.send(upgrade)
		http.ReadResponse(p.r, nil)
		p.Conn.(*net.TCPConn).SetLinger(0)
		p.Close()
		if err := <-ended; err != nil && errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestRefusedUpgradeIsAnOrdinaryAnswer(t *testing.T) {
	addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
		for readHead(r) != "" {
			io.WriteString(nc, "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: other\r\nContent-Length: 2\r\n\r\nno")
		}
	}))
	p := dial(t, addr)
	for range 2 {
		p.send(upgrade)
		if res, body := p.response("GET"); res.StatusCode != 426 || body != "no" || res.Close {
			t.Errorf("got %d %q, close %v", res.StatusCode, body, res.Close)
		}
	}
}

func TestWebSocket(t *testing.T) {
	upgrader := websocket.Upgrader{}
	echo := backend(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, message, err := c.ReadMessage()
			if err != nil {
				return
			}
			c.WriteMessage(kind, message)
		}
	})
	t.Run("through server and client", func(t *testing.T) {
		c, _, err := websocket.DefaultDialer.Dial("ws://"+gateway(t, echo)+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetReadDeadline(time.Now().Add(patience))
		for _, text := range []string{"hello", strings.Repeat("x", 1<<20)} {
			if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := c.ReadMessage(); err != nil || string(got) != text {
				t.Fatalf("got %d bytes back (%v), want %d", len(got), err, len(text))
			}
		}
	})
	t.Run("from a client whose protocol has no key", func(t *testing.T) {
		answer := &tunnelRecorder{}
		err := newClient(t, echo, settings()).Do(&exchange.Exchange{
			Context: t.Context(), Method: "GET", Authority: "a", Path: "/", Upgrade: "websocket",
			Header:   exchange.Fields{{Name: "sec-websocket-version", Value: "13"}},
			Response: answer,
		})
		if err != nil || answer.protocol != "websocket" || answer.header.Has("sec-websocket-accept") {
			t.Errorf("got %q %v, %v; want a tunnel, and no Sec-WebSocket-Accept", answer.protocol, answer.header, err)
		}
	})
}

// tunnelRecorder is a Response whose tunnel the client ends at once.
type tunnelRecorder struct {
	recorder
	protocol string
}

func (r *tunnelRecorder) Tunnel(protocol string, header exchange.Fields) (exchange.Tunnel, error) {
	r.protocol = protocol
	r.Head(101, header, 0)
	client, end := net.Pipe()
	end.Close()
	return pipeTunnel{client}, nil
}

type pipeTunnel struct{ net.Conn }

func (p pipeTunnel) CloseWrite() error { return nil }

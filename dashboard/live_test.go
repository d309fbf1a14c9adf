package dashboard

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// dial opens a live connection to a server, as a page of origin does; "" for a
// client that is no browser.
func dial(t *testing.T, server *httptest.Server, origin string) (*websocket.Conn, int) {
	t.Helper()
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	conn, response, err := websocket.DefaultDialer.Dial(strings.Replace(server.URL, "http", "ws", 1)+"/dashboard/live", header)
	if response == nil {
		t.Fatal(err)
	}
	if err == nil {
		t.Cleanup(func() { conn.Close() })
		conn.SetReadDeadline(time.Now().Add(time.Minute))
	}
	return conn, response.StatusCode
}

// told returns the generation that the next message tells of.
func told(t *testing.T, conn *websocket.Conn) uint64 {
	t.Helper()
	var message news
	if err := conn.ReadJSON(&message); err != nil {
		t.Fatal(err)
	}
	return message.Generation
}

func TestLivePagesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t, served(""))
		ours, theirs := net.Pipe()
		server := http.Server{Handler: b}
		defer server.Close()
		go server.Serve(&oneConn{conn: theirs})
		dialer := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return ours, nil }}
		conn, _, err := dialer.Dial("ws://gateway.test/dashboard/live", http.Header{"Origin": {"http://gateway.test"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if generation := told(t, conn); generation != 1 {
			t.Errorf("at first it is told of generation %d", generation)
		}
		for range 5 { // too fast to be told of each
			b.swap(served("x"))
		}
		if generation := told(t, conn); generation != 6 {
			t.Errorf("then it is told of generation %d", generation)
		}
		b.Close()
		if _, _, err := conn.ReadMessage(); err == nil {
			t.Error("the connection outlives the dashboard")
		}
	})
}

// oneConn is a listener that accepts one connection.
type oneConn struct {
	net.Listener
	conn net.Conn
}

func (l *oneConn) Accept() (net.Conn, error) {
	conn := l.conn
	if l.conn = nil; conn == nil {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return new(net.TCPAddr) }

// TestLiveIsForItsOwnPages: a socket has no same-origin policy but this one.
func TestLiveIsForItsOwnPages(t *testing.T) {
	b := newBoard(t, served(""))
	server := httptest.NewServer(b)
	defer server.Close()
	for origin, want := range map[string]int{
		"": http.StatusSwitchingProtocols, server.URL: http.StatusSwitchingProtocols,
		"http://attacker.example": http.StatusForbidden, "null": http.StatusForbidden, "http://127.0.0.1:1": http.StatusForbidden, server.URL + ".attacker.example": http.StatusForbidden,
	} {
		if _, status := dial(t, server, origin); status != want {
			t.Errorf("a page of %q gets %d, want %d", origin, status, want)
		}
	}
}

// TestLiveIsBounded: in connections, and in what a client may send.
func TestLiveIsBounded(t *testing.T) {
	b := newBoard(t, served(""))
	server := httptest.NewServer(b)
	defer server.Close()
	var conns []*websocket.Conn
	for range mostLive {
		conn, _ := dial(t, server, "")
		told(t, conn)
		conns = append(conns, conn)
	}
	if _, status := dial(t, server, ""); status != http.StatusServiceUnavailable {
		t.Errorf("one more connection gets %d", status)
	}
	for i, message := range []string{"x", strings.Repeat("x", 1<<20)} {
		_ = conns[i].WriteMessage(websocket.TextMessage, []byte(message)) // it may be cut off
		if _, _, err := conns[i].ReadMessage(); err == nil {
			t.Errorf("after %d octets the connection is still open", len(message))
		}
	}
	for {
		if _, status := dial(t, server, ""); status == http.StatusSwitchingProtocols {
			return // the places of those that went are free
		}
	}
}

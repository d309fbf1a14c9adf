package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/wire"
)

// tunnelStream is a stream of an HTTP/2 connection after an extended CONNECT
// (RFC 8441). It is the only one of its connection.
type tunnelStream struct {
	conn   net.Conn
	framer *http2.Framer

	mu       sync.Mutex // guards the framer's writes and what follows
	cond     sync.Cond
	answer   *http2.MetaHeadersFrame
	content  bytes.Buffer
	ended    bool
	failed   error
	window   int // of the stream
	windowIn int // of the connection
}

// tunnel asks for a protocol on a path of the app, over a connection of its own,
// and returns the tunnel and the head of the answer.
func (g *gateway) tunnel(m mode, protocol, path string, header http.Header) (*tunnelStream, *http.Response) {
	g.t.Helper()
	c, err := net.Dial("tcp", g.address(m))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	if m.tls() {
		c = tls.Client(c, &tls.Config{RootCAs: roots(), ServerName: appHost, NextProtos: []string{"h2"}})
	}
	s := &tunnelStream{conn: c, framer: http2.NewFramer(c, c), window: 65535, windowIn: 65535}
	s.cond.L = &s.mu
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_, _ = io.WriteString(c, http2.ClientPreface)
	_ = s.framer.WriteSettings()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	field := func(name, value string) { _ = encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) }
	field(":method", "CONNECT")
	field(":protocol", protocol)
	field(":scheme", "https")
	field(":authority", appHost)
	field(":path", path)
	for name, values := range header {
		field(strings.ToLower(name), values[0])
	}
	if err := s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		g.t.Fatal(err)
	}
	go s.read()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.answer == nil && s.failed == nil {
		s.cond.Wait()
	}
	if s.answer == nil {
		g.t.Fatal(s.failed)
	}
	answer := &http.Response{Header: make(http.Header)}
	_, _ = fmt.Sscan(s.answer.PseudoValue("status"), &answer.StatusCode)
	for _, f := range s.answer.RegularFields() {
		answer.Header.Add(f.Name, f.Value)
	}
	return s, answer
}

func (s *tunnelStream) read() {
	for {
		frame, err := s.framer.ReadFrame()
		s.mu.Lock()
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			s.answer, s.ended = frame, frame.StreamEnded()
		case *http2.DataFrame:
			s.content.Write(frame.Data())
			s.ended = frame.StreamEnded()
			if n := uint32(len(frame.Data())); n > 0 {
				_ = s.framer.WriteWindowUpdate(0, n)
				_ = s.framer.WriteWindowUpdate(1, n)
			}
		case *http2.SettingsFrame:
			if v, ok := frame.Value(http2.SettingInitialWindowSize); ok {
				s.window += int(v) - 65535
			}
		case *http2.WindowUpdateFrame:
			if frame.StreamID == 0 {
				s.windowIn += int(frame.Increment)
			} else {
				s.window += int(frame.Increment)
			}
		case *http2.RSTStreamFrame:
			err = fmt.Errorf("reset: %v", frame.ErrCode)
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = s.framer.WritePing(true, frame.Data)
			}
		}
		if err != nil {
			s.failed = err
		}
		s.cond.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *tunnelStream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.content.Len() == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if s.failed != nil {
			return 0, s.failed
		}
		s.cond.Wait()
	}
	return s.content.Read(p)
}

func (s *tunnelStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rest := p; len(rest) > 0; {
		n := min(len(rest), s.window, s.windowIn, 16<<10)
		if s.failed != nil {
			return 0, s.failed
		}
		if n <= 0 {
			s.cond.Wait()
			continue
		}
		if err := s.framer.WriteData(1, false, rest[:n]); err != nil {
			return 0, err
		}
		s.window, s.windowIn, rest = s.window-n, s.windowIn-n, rest[n:]
	}
	return len(p), nil
}

func (s *tunnelStream) CloseWrite() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.framer.WriteData(1, true, nil)
}

// translator is the connection of a WebSocket client that knows the handshake of
// HTTP/1.1 only: it makes an extended CONNECT of it.
type translator struct {
	g *gateway
	m mode

	net.Conn // of the tunnel
	tunnel   *tunnelStream
	answer   bytes.Buffer // that of HTTP/1.1, to be read first
}

func (g *gateway) translated(m mode) net.Conn { return &translator{g: g, m: m} }

func (c *translator) Write(p []byte) (int, error) {
	if c.tunnel != nil {
		return c.tunnel.Write(p)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(p)))
	if err != nil {
		return 0, err
	}
	key := r.Header.Get("Sec-WebSocket-Key")
	for _, name := range []string{"Sec-WebSocket-Key", "Connection", "Upgrade"} {
		r.Header.Del(name)
	}
	tunnel, answer := c.g.tunnel(c.m, "websocket", r.URL.Path, r.Header)
	c.tunnel, c.Conn = tunnel, tunnel.conn
	if answer.StatusCode != 200 {
		fmt.Fprintf(&c.answer, "HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n", answer.StatusCode)
		return len(p), nil
	}
	fmt.Fprintf(&c.answer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n", wire.WebSocketAccept(key))
	for name, values := range answer.Header {
		fmt.Fprintf(&c.answer, "%s: %s\r\n", name, values[0])
	}
	c.answer.WriteString("\r\n")
	return len(p), nil
}

func (c *translator) Read(p []byte) (int, error) {
	if c.answer.Len() > 0 {
		return c.answer.Read(p)
	}
	return c.tunnel.Read(p)
}

// SetDeadline and its kin may come before there is a connection, whose own
// deadline ends what takes too long.
func (c *translator) SetDeadline(time.Time) error      { return nil }
func (c *translator) SetReadDeadline(time.Time) error  { return nil }
func (c *translator) SetWriteDeadline(time.Time) error { return nil }

// TestWebSocketToHTTP2: an endpoint that speaks HTTP/2, which is another gateway
// with an ordinary endpoint behind it, so that both sides of the engine are in
// between; from clients of both versions.
func TestWebSocketToHTTP2(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		behind := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, webSocketEcho)))
		g := start(t, app(gatelodge.BackendH2C, netip.MustParseAddrPort(behind.address(h2c))))
		for range 3 {
			c := g.webSocket(m)
			if c.Subprotocol() != "chat" {
				t.Errorf("subprotocol %q", c.Subprotocol())
			}
			for _, message := range []string{"one", strings.Repeat("long", 200_000), "three"} {
				if err := echo(c, message); err != nil {
					t.Fatal(err)
				}
			}
			_ = c.Close()
		}
		if line := behind.lines(3)[2]; line["status"] != 101.0 || line["protocol"] != "HTTP/2.0" {
			t.Errorf("the gateway behind logged %v", line)
		}
	})
}

// TestWebSocketThatTheEndpointDoesNotTake: an endpoint of HTTP/2 without extended
// CONNECT is asked with an ordinary request, whose success opens no tunnel.
func TestWebSocketThatTheEndpointDoesNotTake(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendH2C, backendServer(t, gatelodge.BackendH2C, ok)))
		if _, answer := g.tunnel(m, "websocket", "/", nil); answer.StatusCode != 502 {
			t.Errorf("got %d, want 502", answer.StatusCode)
		}
	}, h2, h2c)
}

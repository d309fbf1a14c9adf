package http2_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http2"
)

// patience is how long a test waits for what should come at once: long, as a machine
// may have much else to do.
const patience = time.Minute

func settings(change ...func(*gatelodge.Settings)) func() *gatelodge.Settings {
	s := &gatelodge.Settings{
		Timeouts: gatelodge.Timeouts{
			Header: patience, Body: patience, Idle: patience, Connect: patience, Read: patience, Send: patience,
		},
		Limits: gatelodge.Limits{HeaderBytes: 64 << 10, Headers: 128, Streams: 100},
	}
	for _, c := range change {
		c(s)
	}
	return func() *gatelodge.Settings { return s }
}

// serve runs a server on loopback until the test ends.
func serve(t testing.TB, s *http2.Server) (addr string) {
	return serveUnder(t, s, func(nc net.Conn) net.Conn { return nc })
}

// serveUnder is serve for connections of which each is what layer makes of it.
func serveUnder(t testing.TB, s *http2.Server, layer func(net.Conn) net.Conn) (addr string) {
	t.Helper()
	if s.Settings == nil {
		s.Settings = settings()
	}
	l := listen(t)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			peer := nc.RemoteAddr().(*net.TCPAddr).AddrPort()
			conns.Go(func() { s.ServeConn(context.Background(), layer(nc), &exchange.Conn{Peer: peer}, nil) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func newClient(t testing.TB, addr string, s func() *gatelodge.Settings) *http2.Client {
	t.Helper()
	client := http2.NewClient(netip.MustParseAddrPort(addr), http2.Options{Settings: s})
	t.Cleanup(client.Close)
	return client
}

// peer is the other end of a connection, frame by frame.
type peer struct {
	t testing.TB
	net.Conn
	*xhttp2.Framer
	block bytes.Buffer
	hpack *hpack.Encoder
}

func newPeer(t testing.TB, nc net.Conn) *peer {
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	p := &peer{t: t, Conn: nc, Framer: xhttp2.NewFramer(nc, nc)}
	p.hpack = hpack.NewEncoder(&p.block)
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.AllowIllegalWrites = true
	return p
}

// dial connects as a client does, and says the preface.
func dial(t testing.TB, addr string, with ...xhttp2.Setting) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return greet(t, nc, with...)
}

// greet says the preface on a connection.
func greet(t testing.TB, nc net.Conn, with ...xhttp2.Setting) *peer {
	t.Helper()
	t.Cleanup(func() { nc.Close() })
	p := newPeer(t, nc)
	if _, err := io.WriteString(nc, xhttp2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteSettings(with...); err != nil {
		t.Fatal(err)
	}
	return p
}

// encode makes a block of "name", "value", …
func (p *peer) encode(fields ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		if err := p.hpack.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			p.t.Fatal(err)
		}
	}
	return bytes.Clone(p.block.Bytes())
}

// request is the fields of one, with more.
func request(method, path string, more ...string) []string {
	return append([]string{":method", method, ":scheme", "http", ":authority", "app.example.test", ":path", path}, more...)
}

// headers sends a HEADERS frame.
func (p *peer) headers(id uint32, end bool, fields ...string) {
	// A test sends also where nobody may read any more; what comes of it is
	// seen in the answer.
	_ = p.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(fields...), EndStream: end, EndHeaders: true})
}

// expect reads frames until one satisfies want, or the connection ends, and
// tells what came, a word for each frame.
func (p *peer) expect(want func(xhttp2.Frame) bool) string {
	var seen []string
	for {
		f, err := p.ReadFrame()
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				return strings.Join(append(seen, "TIMEOUT"), " ")
			}
			return strings.Join(append(seen, "END"), " ")
		}
		switch word := describe(f); {
		case word == "":
		case isEmptyEnd(f) && len(seen) > 0 && strings.HasPrefix(seen[len(seen)-1], fmt.Sprintf("%d:\"", f.Header().StreamID)):
			seen[len(seen)-1] += "!" // whether the end is in the last frame of a body or follows it, is up to who flushes when
		default:
			seen = append(seen, word)
		}
		if want(f) {
			return strings.Join(seen, " ")
		}
	}
}

func isEmptyEnd(f xhttp2.Frame) bool {
	data, ok := f.(*xhttp2.DataFrame)
	return ok && data.StreamEnded() && len(data.Data()) == 0
}

func describe(f xhttp2.Frame) string {
	end := ""
	switch f := f.(type) {
	case *xhttp2.MetaHeadersFrame:
		if f.StreamEnded() {
			end = "!"
		}
		return fmt.Sprintf("%d:%s%s", f.StreamID, f.PseudoValue("status"), end)
	case *xhttp2.DataFrame:
		if f.StreamEnded() {
			end = "!"
		}
		return fmt.Sprintf("%d:%q%s", f.StreamID, f.Data(), end)
	case *xhttp2.RSTStreamFrame:
		return fmt.Sprintf("%d:%s", f.StreamID, f.ErrCode)
	case *xhttp2.GoAwayFrame:
		return fmt.Sprintf("GOAWAY(%d,%s)", f.LastStreamID, f.ErrCode)
	}
	return "" // the connection's own affairs
}

// stream is done when the stream has ended, one way or the other.
func stream(id uint32) func(xhttp2.Frame) bool {
	return func(f xhttp2.Frame) bool {
		switch f := f.(type) {
		case *xhttp2.RSTStreamFrame:
			return f.StreamID == id
		case *xhttp2.MetaHeadersFrame:
			return f.StreamID == id && f.StreamEnded()
		case *xhttp2.DataFrame:
			return f.StreamID == id && f.StreamEnded()
		}
		return false
	}
}

func never(xhttp2.Frame) bool { return false }

// hello answers with "hello", and reads the body before.
func hello(x *exchange.Exchange) error {
	if _, err := io.Copy(io.Discard, x.Body); err != nil {
		return err
	}
	if err := x.Response.Head(200, nil, 5); err != nil {
		return err
	}
	_, err := io.WriteString(x.Response, "hello")
	return err
}

// recorder is the way to a client that keeps what it is answered.
type recorder struct {
	informs  []int
	status   int
	header   exchange.Fields
	length   int64
	body     bytes.Buffer
	trailers exchange.Fields
}

func clone(fields exchange.Fields) exchange.Fields {
	var copied exchange.Fields
	for _, f := range fields {
		copied.Add(strings.Clone(f.Name), strings.Clone(f.Value))
	}
	return copied
}

func (r *recorder) Interim(status int, _ exchange.Fields) error {
	r.informs = append(r.informs, status)
	return nil
}

func (r *recorder) Head(status int, header exchange.Fields, length int64) error {
	r.status, r.header, r.length = status, clone(header), length
	return nil
}
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
func (r *recorder) Flush() error                { return nil }
func (r *recorder) Trailers(f exchange.Fields) error {
	r.trailers = clone(f)
	return nil
}
func (r *recorder) Tunnel(string, exchange.Fields) (exchange.Tunnel, error) {
	return nil, errors.ErrUnsupported
}

// body is one that a test gives.
type body struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func (b *body) Trailers() exchange.Fields { return nil }
func (b *body) Reopen()                   {}
func (b *body) Close() error {
	b.once.Do(func() {
		if b.closed != nil {
			close(b.closed)
		}
	})
	return nil
}

// ask sends a request through a client.
func ask(c *http2.Client, method string, content io.Reader, change ...func(*exchange.Exchange)) (*recorder, error) {
	r := new(recorder)
	x := &exchange.Exchange{
		Context: context.Background(), Cancellation: new(exchange.Cancellation), Version: exchange.HTTP11,
		Method: method, Scheme: "http", Authority: "app.example.test", Path: "/", Body: &body{Reader: strings.NewReader("")}, Response: r,
	}
	if content != nil {
		x.Body, x.Length = &body{Reader: content}, -1
	}
	for _, c := range change {
		c(x)
	}
	return r, c.Do(x)
}

// backend is an endpoint that a test plays frame by frame, on each connection.
func backend(t testing.TB, play func(p *peer)) (addr string) {
	t.Helper()
	l := listen(t)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer nc.Close()
				preface := make([]byte, len(xhttp2.ClientPreface))
				if _, err := io.ReadFull(nc, preface); err == nil {
					play(newPeer(t, nc))
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return l.Addr().String()
}

// long sends a HEADERS frame that ends the stream, and as many CONTINUATIONs as
// the block takes.
func (p *peer) long(id uint32, fields ...string) {
	block := p.encode(fields...)
	part := block[:min(len(block), 16<<10)]
	_ = p.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndStream: true, EndHeaders: len(part) == len(block)})
	for block = block[len(part):]; len(block) > 0; block = block[len(part):] {
		part = block[:min(len(block), 16<<10)]
		_ = p.WriteContinuation(id, len(part) == len(block), part)
	}
}

// reset is done when the stream was reset.
func reset(id uint32) func(xhttp2.Frame) bool {
	return func(f xhttp2.Frame) bool {
		r, ok := f.(*xhttp2.RSTStreamFrame)
		return ok && r.StreamID == id
	}
}

// connect connects and says nothing.
func connect(t testing.TB, addr string) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return newPeer(t, nc)
}

func (p *peer) preface() { _, _ = io.WriteString(p.Conn, xhttp2.ClientPreface) }

type addrPort = netip.AddrPort

func address(s string) addrPort { return netip.MustParseAddrPort(s) }

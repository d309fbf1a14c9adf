//go:build !race

// The race detector lets sync.Pool forget at random, so these hold without it.

package http2_test

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http2"
)

// roundTrips is a client that costs nothing in this process's heap: it sends the
// same block again and again, and counts the frames that come.
type roundTrips struct {
	t       testing.TB
	conn    net.Conn
	block   []byte
	content []byte
	out, in []byte
	got     int // bytes of in that were not looked at
	id      uint32
}

func newRoundTrips(t testing.TB, addr string, content string, fields ...string) *roundTrips {
	p := dial(t, addr)
	// It keeps the fields in the table, and then names them by their index.
	first, block := p.encode(fields...), p.encode(fields...)
	_ = p.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: first, EndHeaders: true, EndStream: content == ""})
	if content != "" {
		_ = p.WriteData(1, true, []byte(content))
	}
	p.expect(stream(1))
	return &roundTrips{t: t, conn: p.Conn, block: block, content: []byte(content), out: make([]byte, 0, 4096), in: make([]byte, 64<<10), id: 3}
}

func header(b []byte, length int, kind, flags byte, id uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), kind, flags, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// run sends a request and reads until its stream ends. What the server opens of
// its windows is passed over, and what it sends is never so much that it needs
// more of ours.
func (r *roundTrips) run() {
	flags := byte(xhttp2.FlagHeadersEndHeaders)
	if len(r.content) == 0 {
		flags |= byte(xhttp2.FlagHeadersEndStream)
	}
	r.out = append(header(r.out[:0], len(r.block), 1, flags, r.id), r.block...)
	if len(r.content) > 0 {
		r.out = append(header(r.out, len(r.content), 0, 1, r.id), r.content...)
	}
	r.out = append(header(r.out, 4, 8, 0, 0), 0, 0, 1, 0) // 256 bytes of window
	if _, err := r.conn.Write(r.out); err != nil {
		r.t.Fatal(err)
	}
	for done := false; !done; {
		n, err := r.conn.Read(r.in[r.got:])
		if err != nil {
			r.t.Fatal(err)
		}
		b := r.in[:r.got+n]
		for len(b) >= 9 {
			length := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
			if len(b) < 9+length {
				break
			}
			if kind, flags := b[3], b[4]; kind <= 1 && flags&1 != 0 {
				done = true
			}
			b = b[9+length:]
		}
		r.got = copy(r.in, b)
	}
	r.id += 2
}

// echoless is an endpoint that answers every request with the same frames.
func echoless(t testing.TB) (addr string) {
	return backend(t, func(p *peer) {
		_ = p.WriteSettings()
		_ = p.WriteWindowUpdate(0, 1<<30)
		head, trailers := p.encode(":status", "200", "content-type", "text/plain"), p.encode("x-after", "all")
		again, after := p.encode(":status", "200", "content-type", "text/plain"), p.encode("x-after", "all")
		var answer, in bytes.Buffer
		buf := make([]byte, 4096)
		for {
			n, err := p.Conn.Read(buf)
			if err != nil {
				return
			}
			in.Write(buf[:n])
			for b := in.Bytes(); len(b) >= 9; b = in.Bytes() {
				length := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
				if len(b) < 9+length {
					break
				}
				if kind, flags := b[3], b[4]; kind <= 1 && flags&1 != 0 {
					id := uint32(b[5])<<24 | uint32(b[6])<<16 | uint32(b[7])<<8 | uint32(b[8])
					answer.Write(header(buf[:0:9], len(head), 1, 4, id))
					answer.Write(head)
					answer.Write(header(buf[:0:9], 5, 0, 0, id))
					answer.WriteString("hello")
					answer.Write(header(buf[:0:9], len(trailers), 1, 5, id))
					answer.Write(trailers)
					head, trailers = again, after
				}
				in.Next(9 + length)
			}
			_, _ = p.Conn.Write(answer.Bytes())
			answer.Reset()
		}
	})
}

// TestRequestsAllocateLittle: through server and client, over connections that
// are there already. What HPACK's tables know already costs nothing; a value
// that is sent as it is costs the string.
func TestRequestsAllocateLittle(t *testing.T) {
	client, content := newClient(t, echoless(t), settings()), []byte("hello")
	for _, c := range []struct {
		name    string
		handler exchange.Handler
		content string
		path    string
		most    float64
	}{
		{"through server and client", client.Do, "", "/", 1},
		{"a small body", client.Do, "hello", "/", 1},
		{"a handler that adds fields", func(x *exchange.Exchange) error {
			for range 8 {
				x.Header.Add("x-forwarded-for", "192.0.2.1")
			}
			return client.Do(x)
		}, "", "/", 1},
		{"an answer of our own", func(x *exchange.Exchange) error {
			if err := x.Response.Head(200, nil, int64(len(content))); err != nil {
				return err
			}
			_, err := x.Response.Write(content)
			return err
		}, "", "/", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoundTrips(t, serve(t, &http2.Server{Handler: c.handler}), c.content, request("POST", c.path, "user-agent", "test", "accept", "*/*")...)
			for range 200 {
				r.run()
			}
			// A collection may empty the pools meanwhile, so a few are allowed.
			if n := testing.AllocsPerRun(2000, r.run); n >= c.most {
				t.Errorf("%v allocations a request, want fewer than %v", n, c.most)
			}
		})
	}
}

// TestIdleConnectionsAreSmall: both ends of a connection that has served ten
// requests, this test's and the server's, and one goroutine.
func TestIdleConnectionsAreSmall(t *testing.T) {
	const conns, limit = 400, 12 << 10
	addr := serve(t, &http2.Server{Handler: hello})
	inUse := func() uint64 {
		var stats runtime.MemStats
		for range 3 { // a stack shrinks by half at each collection
			runtime.GC()
		}
		runtime.ReadMemStats(&stats)
		return stats.HeapInuse + stats.StackInuse
	}
	newRoundTrips(t, addr, "", request("GET", "/")...) // what the first one needs once
	before, goroutines := inUse(), runtime.NumGoroutine()
	var all []net.Conn
	for range conns {
		r := newRoundTrips(t, addr, "", request("GET", "/", "user-agent", "test", "accept", "*/*", "cookie", "some of them")...)
		for range 9 {
			r.run()
		}
		all = append(all, r.conn) // and its buffers are not the server's
	}
	if each := (int64(inUse()) - int64(before)) / conns; each > limit {
		t.Errorf("%d bytes a connection, want at most %d", each, limit)
	}
	if n := runtime.NumGoroutine() - goroutines; n > conns+16 {
		t.Errorf("%d goroutines for %d connections", n, conns)
	}
	runtime.KeepAlive(all)
}

func BenchmarkGateway(b *testing.B) {
	client := newClient(b, echoless(b), settings())
	for name, handler := range map[string]exchange.Handler{"own answer": hello, "forwarded": client.Do} {
		b.Run(name, func(b *testing.B) {
			r := newRoundTrips(b, serve(b, &http2.Server{Handler: handler}), "", request("GET", "/")...)
			b.ReportAllocs()
			for b.Loop() {
				r.run()
			}
		})
	}
	b.Run("large answer", func(b *testing.B) {
		part := make([]byte, 1<<20)
		addr := serve(b, &http2.Server{Handler: func(x *exchange.Exchange) error {
			_ = x.Response.Head(200, nil, int64(len(part)))
			_, err := x.Response.Write(part)
			return err
		}})
		near := newClient(b, addr, settings())
		b.SetBytes(int64(len(part)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ask(near, "GET", nil, func(x *exchange.Exchange) { x.Response = &discarder{} }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// discarder is a client that takes everything.
type discarder struct{ recorder }

func (*discarder) Write(p []byte) (int, error) { return io.Discard.Write(p) }

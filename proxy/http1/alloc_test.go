//go:build !race

// With the race detector sync.Pool drops items at random.

package http1_test

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"testing"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

const keptAlive = "GET /path?query HTTP/1.1\r\nHost: app.example.test\r\nUser-Agent: test\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"

// echoless runs a backend that allocates nothing: it responds to each read with the
// same bytes.
func echoless(t testing.TB, answer string) string {
	return script(t, func(nc net.Conn, _ *bufio.Reader) {
		buf, out := make([]byte, 4096), []byte(answer)
		for {
			if _, err := nc.Read(buf); err != nil {
				return
			}
			if _, err := nc.Write(out); err != nil {
				return
			}
		}
	})
}

// roundTrip sends a request on p and reads an answer of a known size.
func roundTrip(t testing.TB, p *peer, request, answer []byte) {
	if _, err := p.Conn.Write(request); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(p.Conn, answer); err != nil {
		t.Fatal(err)
	}
}

// sizeOfAnswer makes a first round trip to find the size of the responses.
func sizeOfAnswer(t testing.TB, p *peer, request string) int {
	p.send(request)
	buf := make([]byte, 64<<10)
	n, err := p.Conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKeptConnectionsAllocateNothing: a GET through server and client over existing
// connections.
func TestKeptConnectionsAllocateNothing(t *testing.T) {
	client := newClient(t, echoless(t, "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"), settings())
	for name, c := range map[string]struct {
		handler exchange.Handler
		request string
	}{
		"through server and client": {client.Do, keptAlive},
		"a small body":              {client.Do, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"},
		"a handler that adds fields": {func(ex *exchange.Exchange) error {
			for range 8 {
				ex.Header.Add("x-forwarded-for", "192.0.2.1")
			}
			return client.Do(ex)
		}, keptAlive},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, serve(t, &http1.Server{Handler: c.handler}))
			request, answer := []byte(c.request), make([]byte, sizeOfAnswer(t, p, c.request))
			for range 100 {
				roundTrip(t, p, request, answer)
			}
			// A garbage collection may empty the pools, so a few are allowed.
			if n := testing.AllocsPerRun(2000, func() { roundTrip(t, p, request, answer) }); n >= 1 {
				t.Errorf("%v allocations a request, want none", n)
			}
		})
	}
}

// TestIdleConnectionsAreSmall: both ends of a connection that has served ten
// requests, this test's and the server's.
func TestIdleConnectionsAreSmall(t *testing.T) {
	const conns, limit = 400, 8 << 10
	client := newClient(t, echoless(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), settings())
	addr := serve(t, &http1.Server{Handler: client.Do})
	inUse := func() int64 {
		var stats runtime.MemStats
		for range 3 { // a stack shrinks by half at each collection
			runtime.GC()
		}
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapInuse + stats.StackInuse)
	}
	before := inUse()
	answer := make([]byte, 4096)
	for range conns {
		p := dial(t, addr)
		for range 10 {
			p.send(keptAlive)
			if _, err := p.Conn.Read(answer); err != nil {
				t.Fatal(err)
			}
		}
		p.r = nil // its buffer is not the server's
	}
	if each := (inUse() - before) / conns; each > limit {
		t.Errorf("%d bytes a connection, want at most %d", each, limit)
	}
}

func BenchmarkGateway(b *testing.B) {
	body := "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n" + string(make([]byte, 100))
	client := newClient(b, echoless(b, body), settings())
	addr := serve(b, &http1.Server{Handler: client.Do})
	b.Run("GET", func(b *testing.B) {
		p := dial(b, addr)
		request, answer := []byte(keptAlive), make([]byte, sizeOfAnswer(b, p, keptAlive))
		b.ReportAllocs()
		for b.Loop() {
			roundTrip(b, p, request, answer)
		}
	})
	b.Run("GET in parallel", func(b *testing.B) {
		b.SetParallelism(16)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			p := dial(b, addr)
			request, answer := []byte(keptAlive), make([]byte, sizeOfAnswer(b, p, keptAlive))
			for pb.Next() {
				roundTrip(b, p, request, answer)
			}
		})
	})
}

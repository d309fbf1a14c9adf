package proxy

import (
	"io"
	"net"
	"net/http"
	"runtime"
	runtimemetrics "runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// abusers is how many connections each kind of abuse comes over.
const abusers = 50

// abuse is what a client does on a connection.
type abuse struct {
	name string
	do   func(c net.Conn)
}

func TestAbuse(t *testing.T) {
	head := "GET / HTTP/1.1\r\nHost: " + appHost + "\r\n"
	testAbuse(t, 512<<10, []abuse{
		{"a head by drops", func(c net.Conn) {
			_, _ = io.WriteString(c, head)
			drip(c, "X-Drop: 1\r\n")
		}},
		{"a body by drops, and then none", func(c net.Conn) {
			_, _ = io.WriteString(c, "POST /read HTTP/1.1\r\nHost: "+appHost+"\r\nContent-Length: 1000000\r\n\r\nhalf")
			_, _ = io.Copy(io.Discard, c)
		}},
		{"nothing at all", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }},
		{"a response that is not read", func(c net.Conn) {
			readNothing(c)
			_, _ = io.WriteString(c, "GET /big HTTP/1.1\r\nHost: "+appHost+"\r\n\r\n")
		}},
		{"a head that does not end", func(c net.Conn) {
			_, _ = io.WriteString(c, head+"X: ")
			flood(c, strings.Repeat("x", 64<<10))
		}},
		{"fields that do not end", func(c net.Conn) {
			_, _ = io.WriteString(c, head)
			flood(c, strings.Repeat("A: b\r\n", 10_000))
		}},
		{"chunks with endless extensions", func(c net.Conn) {
			_, _ = io.WriteString(c, "POST /read HTTP/1.1\r\nHost: "+appHost+"\r\nTransfer-Encoding: chunked\r\n\r\n1;")
			flood(c, strings.Repeat("x", 64<<10))
		}},
		{"pipelined requests whose responses are not read", func(c net.Conn) {
			readNothing(c)
			flood(c, strings.Repeat("GET /big HTTP/1.1\r\nHost: "+appHost+"\r\n\r\n", 1000))
		}},
		{"pipelined requests as fast as they are answered", func(c net.Conn) {
			go func() {
				_, _ = io.WriteString(c, strings.Repeat(head+"\r\n", 50))
				_ = c.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(io.Discard, c)
		}},
	})
}

// testAbuse: whatever some clients do on their connections, others are served,
// memory and goroutines stay limited, and each connection is closed within the
// time limit that applies. most is the memory that each may take.
func testAbuse(t *testing.T, most int64, abuses []abuse) {
	part := make([]byte, 64<<10) // one for all: the backend's garbage is not what is measured
	for _, c := range abuses {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/read":
					_, _ = io.Copy(io.Discard, r.Body)
				case "/big":
					for range 1000 {
						if _, err := w.Write(part); err != nil {
							return
						}
					}
				default:
					ok(w, r)
				}
			})), settings(func(s *gatelodge.Settings) {
				s.Timeouts.Header, s.Timeouts.Body, s.Timeouts.Send, s.Timeouts.Idle = time.Second, time.Second, time.Second, time.Second
				s.Limits.Streams = 10
			}))
			other := g.client(h1)
			served := func() {
				t.Helper()
				// A client that is late, because the machine has much to do, is taken for an
				// abuser, too, and comes again.
				eventually(t, "another client is served", func() bool {
					response, err := other.Get(h1.url(appHost, "/"))
					if err != nil {
						return false
					}
					_ = response.Body.Close()
					if response.StatusCode != 200 && response.StatusCode != 408 {
						t.Fatalf("another client got %d", response.StatusCode)
					}
					return response.StatusCode == 200
				})
			}
			served()
			before, goroutines := memory(), runtime.NumGoroutine()
			var clients sync.WaitGroup
			defer clients.Wait()
			for range abusers {
				conn, err := net.Dial("tcp", g.address(h1))
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.SetDeadline(time.Now().Add(2 * patience)) // ends the abuse in any case
				defer conn.Close()                                 // after all, for some abuse by doing nothing
				clients.Go(func() { c.do(conn) })
			}
			for range 20 {
				served()
			}
			// For each connection: the limit of a head and some buffers, not what was sent.
			if grown := memory() - before; grown > abusers*most {
				t.Errorf("%d KiB for %d connections, expected at most %d", grown>>10, abusers, abusers*most>>10)
			}
			// This test's, the engine's and a few for each request, with the backend's.
			if n := runtime.NumGoroutine() - goroutines; n > abusers*30 {
				t.Errorf("%d goroutines for %d connections", n, abusers)
			}
			eventually(t, "all abusers are given up", func() bool {
				return g.metric("gatelodge_http_open_connections", "listener", "http") <= 1
			})
		})
	}
}

// drip sends a little at intervals until the connection fails.
func drip(c net.Conn, drop string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(c, drop); err != nil {
			return
		}
	}
}

// flood sends as fast as possible, up to a limit, until the connection fails.
func flood(c net.Conn, part string) {
	bytes := []byte(part) // once: the abuser's garbage is not what is measured
	for range 200 {
		if _, err := c.Write(bytes); err != nil {
			return
		}
	}
}

// readNothing leaves what is sent to the client with the sender.
func readNothing(c net.Conn) { _ = c.(*net.TCPConn).SetReadBuffer(4 << 10) }

// memory returns what this process uses: what the last collection of garbage left, and
// the stacks. The second collection takes what became garbage during the first, and
// what others allocate after it does not count.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	samples := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	runtimemetrics.Read(samples)
	return int64(samples[0].Value.Uint64() + samples[1].Value.Uint64())
}

package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/wrapperspb"

	gatelodge "gatelodge.dev"
)

// unwilling starts an endpoint that echoes the bodies of most requests over
// HTTP/2, frame by frame. willing is asked about each request of a connection
// in its turn, and says by the frames that it writes that it will not process
// one, and all that follow if they are over.
func unwilling(t *testing.T, willing func(f *http2.Framer, n int, id uint32) (takes, over bool)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(2 * patience))
				if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err == nil {
					echoFrames(c, willing)
				}
			})
		}
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

func echoFrames(c net.Conn, willing func(f *http2.Framer, n int, id uint32) (takes, over bool)) {
	f := http2.NewFramer(c, c)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = f.WriteSettings()
	bodies := make(map[uint32][]byte)
	ended, n := false, 0
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		id := frame.Header().StreamID
		end := false
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			n++
			takes := !ended
			if takes {
				takes, ended = willing(f, n, id)
			}
			if takes {
				bodies[id] = []byte{}
			}
			end = frame.StreamEnded()
		case *http2.DataFrame:
			if body, taken := bodies[id]; taken {
				bodies[id] = append(body, frame.Data()...)
			}
			_ = f.WriteWindowUpdate(0, max(1, frame.Length))
			end = frame.StreamEnded()
		}
		if body, taken := bodies[id]; taken && end {
			var block bytes.Buffer
			_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true})
			if f.WriteData(id, true, body) != nil {
				return
			}
			delete(bodies, id)
			if ended && len(bodies) == 0 { // with nothing unread, or it would be a reset
				_ = c.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				return
			}
		}
	}
}

// TestUnprocessedRequests: what an endpoint says that it did not process is sent
// again, whatever its method and with its body, and nothing is lost.
func TestUnprocessedRequests(t *testing.T) {
	const total, atATime = 5000, 24
	for name, willing := range map[string]func(f *http2.Framer, n int, id uint32) (takes, over bool){
		"every third stream is refused": func(f *http2.Framer, n int, id uint32) (bool, bool) {
			if n%3 == 0 {
				_ = f.WriteRSTStream(id, http2.ErrCodeRefusedStream)
				return false, false
			}
			return true, false
		},
		"a connection takes a hundred requests": func(f *http2.Framer, n int, id uint32) (bool, bool) {
			if n == 100 {
				_ = f.WriteGoAway(id, http2.ErrCodeNo, nil)
				return true, true
			}
			return true, false
		},
		"a connection goes before its last request": func(f *http2.Framer, n int, id uint32) (bool, bool) {
			if n == 100 {
				_ = f.WriteGoAway(id-2, http2.ErrCodeNo, nil)
				return false, true
			}
			return true, false
		},
	} {
		t.Run(name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendH2C, unwilling(t, willing)))
				client := g.client(m)
				requests := total
				if m != h2 {
					requests /= 10
				}
				var next, lost atomic.Int64
				var clients sync.WaitGroup
				for range atATime {
					clients.Go(func() {
						for i := next.Add(1); i <= int64(requests); i = next.Add(1) {
							content := strings.Repeat(fmt.Sprint(i, " "), 1+int(i)%500)
							body := io.Reader(strings.NewReader(content))
							if i%2 == 0 {
								body = io.MultiReader(body) // of unknown length, as it comes
							}
							answer, err := client.Do(newRequest(t, "POST", m.url(appHost, "/"), body))
							if err != nil {
								t.Error(err)
								return
							}
							got, err := io.ReadAll(answer.Body)
							_ = answer.Body.Close()
							if err != nil || answer.StatusCode != 200 || string(got) != content {
								lost.Add(1)
							}
						}
					})
				}
				clients.Wait()
				if lost.Load() > 0 {
					reasons := make(map[string]int)
					for _, line := range g.lines(requests) {
						reason, _ := line["reason"].(string)
						reasons[reason]++
					}
					t.Errorf("%d of %d lost: %v", lost.Load(), requests, reasons)
				}
			})
		})
	}
}

// TestStreamThatIsRefused: a client that waits for an answer before it sends
// more notices nothing of a stream that was refused.
func TestStreamThatIsRefused(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendH2C, unwilling(t, func(f *http2.Framer, n int, id uint32) (bool, bool) {
			if n == 1 {
				_ = f.WriteRSTStream(id, http2.ErrCodeRefusedStream)
			}
			return n > 1, false
		})))
		out, in := pipe(t)
		go func() {
			_, _ = io.WriteString(in, "first ")
			eventually(t, "it was sent again", func() bool { return g.metric("gatelodge_upstream_retries_total") >= 1 })
			_, _ = io.WriteString(in, "second")
			_ = in.Close()
		}()
		if answer := do(t, g.client(m), newRequest(t, "POST", m.url(appHost, "/"), out)); answer.StatusCode != 200 || answer.body != "first second" {
			t.Errorf("got %d %q", answer.StatusCode, answer.body)
		}
	})
}

// TestConnectionsThatAge: a gRPC server ends each connection after a while, and
// no call is lost.
func TestConnectionsThatAge(t *testing.T) {
	address := grpcBackend(t, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: 50 * time.Millisecond, MaxConnectionAgeGrace: 2 * patience}))
	g := start(t, app(gatelodge.BackendH2C, address))
	conn := g.grpc(h2)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var next, lost atomic.Int64
	var clients sync.WaitGroup
	for range 24 {
		clients.Go(func() {
			for i := next.Add(1); i <= 5000; i = next.Add(1) {
				got := new(wrapperspb.StringValue)
				if err := conn.Invoke(ctx, "/test.Echo/Call", wrapperspb.String("hello"), got); err != nil || got.Value != "hello" {
					lost.Add(1)
					t.Log(err)
				}
			}
		})
	}
	clients.Wait()
	if lost.Load() > 0 {
		t.Errorf("%d of 5000 calls lost", lost.Load())
	}
}

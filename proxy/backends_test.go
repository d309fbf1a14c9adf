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
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	gatelodge "gatelodge.dev"
)

// scripted starts a backend that reads a head on each connection, runs answer and
// closes the connection. It counts the heads.
func scripted(t *testing.T, answer func(c net.Conn, in *bufio.Reader)) (netip.AddrPort, *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	asked := new(atomic.Int32)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(2 * patience))
				in := bufio.NewReader(c)
				if readHead(in) {
					asked.Add(1)
					answer(c, in)
				}
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String()), asked
}

func readHead(in *bufio.Reader) bool {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == "\r\n" {
			return true
		}
	}
}

func says(text string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(c, text) }
}

func saysAndResets(text string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, _ *bufio.Reader) {
		_, _ = io.WriteString(c, text)
		_ = c.(*net.TCPConn).SetLinger(0)
	}
}

// scriptedFrames starts a backend that runs answer on the first stream of each connection
// over HTTP/2, when its head has come, and then closes it. It counts the heads.
func scriptedFrames(t *testing.T, answer func(c net.Conn, f *framer)) (netip.AddrPort, *atomic.Int32) {
	t.Helper()
	return scripted(t, func(c net.Conn, in *bufio.Reader) {
		f := newFramer(c, in)
		if _, err := io.ReadFull(in, make([]byte, len("SM\r\n\r\n"))); err != nil { // the rest of the preface
			return
		}
		_ = f.WriteSettings()
		for f.id == 0 {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if head, ok := frame.(*http2.HeadersFrame); ok {
				f.id = head.StreamID
			}
		}
		answer(c, f)
		// To close with bytes unread would be a reset, which answers may say for themselves.
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, in)
	})
}

// framer writes frames of one stream.
type framer struct {
	*http2.Framer
	id uint32
}

func newFramer(c net.Conn, in *bufio.Reader) *framer { return &framer{Framer: http2.NewFramer(c, in)} }

// head writes a HEADERS frame, and CONTINUATIONs if it takes more.
func (f *framer) head(end bool, fields ...string) {
	all := block(fields...)
	part := all[:min(len(all), 16<<10)]
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.id, BlockFragment: part, EndStream: end, EndHeaders: len(part) == len(all)})
	for all = all[len(part):]; len(all) > 0; all = all[len(part):] {
		part = all[:min(len(all), 16<<10)]
		_ = f.WriteContinuation(f.id, len(part) == len(all), part)
	}
}

func (f *framer) data(end bool, content string) { _ = f.WriteData(f.id, end, []byte(content)) }

// TestBackendOutcomes proves the table in docs/backends.md, for endpoints that
// speak HTTP/1.1 and for those that speak HTTP/2.
func TestBackendOutcomes(t *testing.T) {
	silent := func(c net.Conn, _ *bufio.Reader) { _, _ = io.Copy(io.Discard, c) }
	hang := func(c net.Conn, _ *framer) { _, _ = io.Copy(io.Discard, c) }
	half := func(f *framer) { f.head(false, ":status", "200", "content-length", "9"); f.data(false, "half") }
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, c := range []struct {
		name   string
		answer func(net.Conn, *bufio.Reader)
		frames func(net.Conn, *framer) // the same over HTTP/2; nil: there is no such thing
		method string
		want   int
		broken bool   // the client can tell that the answer is not whole
		tries  int32  // that reach the backend
		reason string // in the access log
	}{
		{"closes before an answer", says(""), func(net.Conn, *framer) {}, "GET", 502, false, 3, "EOF"},
		{"closes before an answer, not idempotent", says(""), func(net.Conn, *framer) {}, "POST", 502, false, 1, "EOF"},
		{"resets before an answer", nil, func(c net.Conn, f *framer) { _ = f.WriteRSTStream(f.id, http2.ErrCodeInternal); hang(c, f) }, "POST", 502, false, 1, "INTERNAL_ERROR"},
		{"resets mid-head", saysAndResets("HTTP/1.1 200 OK\r\nContent-"), func(c net.Conn, f *framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.id, BlockFragment: block(":status", "200")})
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}, "POST", 502, false, 1, "reading the answer"},
		{"resets mid-body", saysAndResets("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), func(c net.Conn, f *framer) {
			half(f)
			_ = f.WriteRSTStream(f.id, http2.ErrCodeCancel)
			hang(c, f)
		}, "GET", 0, true, 1, "reading the answer"},
		{"closes mid-body", says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), func(_ net.Conn, f *framer) { half(f) }, "GET", 200, true, 1, "EOF"},
		{"closes before the last chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), func(_ net.Conn, f *framer) {
			f.head(false, ":status", "200")
			f.data(false, "half")
		}, "GET", 200, true, 1, "EOF"},
		{"hangs before an answer", silent, hang, "GET", 504, false, 1, "timeout"},
		{"hangs mid-head", func(c net.Conn, in *bufio.Reader) { says("HTTP/1.1 200 OK\r\n")(c, in); silent(c, in) }, func(c net.Conn, f *framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: f.id, BlockFragment: block(":status", "200")})
			hang(c, f)
		}, "GET", 504, false, 1, "timeout"},
		{"hangs mid-body", func(c net.Conn, in *bufio.Reader) {
			says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")(c, in)
			silent(c, in)
		}, func(c net.Conn, f *framer) { half(f); hang(c, f) }, "GET", 200, true, 1, "timeout"},
		{"sends garbage", says("\x00\x01garbage\r\n\r\n"), func(c net.Conn, f *framer) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			hang(c, f)
		}, "POST", 502, false, 1, "malformed"},
		{"sends an ambiguous length", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"), func(c net.Conn, f *framer) {
			f.head(false, ":status", "200", "content-length", "2", "content-length", "3")
			hang(c, f)
		}, "POST", 502, false, 1, "malformed"},
		{"sends a status that is none", says("HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"), func(c net.Conn, f *framer) {
			f.head(true, ":status", "099")
			hang(c, f)
		}, "POST", 502, false, 1, "malformed"},
		{"sends interim answers without end", func(c net.Conn, _ *bufio.Reader) {
			for range 2000 {
				_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
			}
		}, func(c net.Conn, f *framer) {
			for range 2000 {
				f.head(false, ":status", "103")
			}
			hang(c, f)
		}, "POST", 502, false, 1, "interim"},
		{"sends a head without end", says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10)), func(c net.Conn, f *framer) {
			f.head(true, ":status", "200", "x", strings.Repeat("x", 100<<10))
			hang(c, f)
		}, "POST", 502, false, 1, "too large"},
		{"answers before the body", says(whole), func(c net.Conn, f *framer) { f.head(true, ":status", "200"); hang(c, f) }, "POST", 200, false, 1, ""},
		{"answers twice", says(whole + whole), func(c net.Conn, f *framer) {
			f.head(true, ":status", "200")
			f.head(true, ":status", "200")
			hang(c, f)
		}, "GET", 200, false, 1, ""},
	} {
		backends := make(map[gatelodge.BackendProtocol]func(t *testing.T) (netip.AddrPort, *atomic.Int32))
		if c.answer != nil {
			backends[gatelodge.BackendHTTP] = func(t *testing.T) (netip.AddrPort, *atomic.Int32) { return scripted(t, c.answer) }
		}
		if c.frames != nil {
			backends[gatelodge.BackendH2C] = func(t *testing.T) (netip.AddrPort, *atomic.Int32) { return scriptedFrames(t, c.frames) }
		}
		for protocol, backend := range backends {
			outcome := func(t *testing.T, read time.Duration) (inTime bool) {
				address, asked := backend(t)
				g := start(t, app(protocol, address), settings(func(s *gatelodge.Settings) { s.Timeouts.Read = read }))
				status, err := g.outcome(t, c.method)
				if c.want == 200 && status == 504 {
					return false // the head came too late
				}
				if c.want != 0 && status != c.want || (err != nil) != c.broken {
					t.Errorf("got %d (%v), want %d, aborted: %t", status, err, c.want, c.broken)
				}
				line := g.lines(1)[0]
				if reason, _ := line["reason"].(string); !strings.Contains(reason, c.reason) || c.reason == "" && reason != "" {
					t.Errorf("logged the reason %q, want %q", reason, c.reason)
				}
				eventually(t, fmt.Sprintf("the backend was asked %d times", c.tries), func() bool { return asked.Load() >= c.tries })
				if got := asked.Load(); got != c.tries {
					t.Errorf("the backend was asked %d times, want %d", got, c.tries)
				}
				return true
			}
			t.Run(string(protocol)+" "+c.name, func(t *testing.T) {
				if c.reason == "timeout" {
					inTime(t, func(timeout time.Duration) bool { return outcome(t, timeout) })
				} else if !outcome(t, patience) {
					t.Error("the answer is late")
				}
			})
		}
	}
}

// outcome sends a request and returns the status and the error of reading the
// response.
func (g *gateway) outcome(t *testing.T, method string) (int, error) {
	response, err := g.client(h1).Do(newRequest(t, method, h1.url(appHost, "/"), nil))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// TestKeptConnectionThatCloses: an endpoint closes an idle connection just as it
// is used. An idempotent request is sent again, and the client notices nothing.
func TestKeptConnectionThatCloses(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "POST": 502} {
		// Answer the first request of a connection, and read the second.
		address, asked := scripted(t, func(c net.Conn, in *bufio.Reader) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			readHead(in)
		})
		g := start(t, app(gatelodge.BackendHTTP, address))
		if status, err := g.outcome(t, "GET"); status != 200 || err != nil {
			t.Fatalf("the first request: %d, %v", status, err)
		}
		if status, err := g.outcome(t, method); status != want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", method, status, err, want)
		}
		if line := g.lines(2)[1]; want == 502 && !strings.Contains(line["reason"].(string), "kept connection") {
			t.Errorf("%s: logged %v", method, line)
		}
		if method == "GET" && asked.Load() != 2 {
			t.Errorf("%d connections were asked, want 2: the kept one and a new one", asked.Load())
		}
	}
}

// TestRefusedRequestsAreSeen: a request that the engine answers, before there is a
// route, is logged and counted like others.
func TestRefusedRequestsAreSeen(t *testing.T) {
	for _, m := range []mode{h1, h1tls} {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)))
		c, err := net.Dial("tcp", g.address(m))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if m.tls() {
			c = tls.Client(c, &tls.Config{RootCAs: roots(), ServerName: appHost})
		}
		_ = c.SetDeadline(time.Now().Add(2 * patience))
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+appHost+"\r\nContent-Length: +1\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || response.StatusCode != 400 {
			t.Fatalf("%s: got %v, %v", m, response, err)
		}
		line := g.lines(1)[0]
		if line["status"] != 400.0 || line["client"] != "127.0.0.1" || line["reason"] == nil {
			t.Errorf("%s: logged %v", m, line)
		}
		if got := g.metric("gatelodge_http_requests_total", "code", "400"); got != 1 {
			t.Errorf("%s: counted %v", m, got)
		}
	}
}

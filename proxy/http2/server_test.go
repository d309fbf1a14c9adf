package http2_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http2"
)

// TestFlowControl: an answer waits for the window of its stream and for that of
// the connection, and others pass it by.
func TestFlowControl(t *testing.T) {
	const size = 100_000
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		if x.Path == "/small" {
			return hello(x)
		}
		if err := x.Response.Head(200, nil, size); err != nil {
			return err
		}
		_, err := x.Response.Write(make([]byte, size))
		return err
	}}
	p := dial(t, serve(t, s), xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1000})
	p.headers(1, true, request("GET", "/big")...)
	got, ended := 0, false
	until := func(n int) {
		t.Helper()
		p.expect(func(f xhttp2.Frame) bool {
			if d, ok := f.(*xhttp2.DataFrame); ok && d.StreamID == 1 {
				got, ended = got+len(d.Data()), d.StreamEnded()
			}
			return got >= n
		})
		if got != n {
			t.Fatalf("%d bytes came, the window allows %d", got, n)
		}
	}
	until(1000)
	p.headers(3, true, request("GET", "/small")...)
	if got := p.expect(stream(3)); got != `3:200 3:"hello"!` {
		t.Errorf("another stream got %s", got)
	}
	_ = p.WriteWindowUpdate(1, 500)
	until(1500)
	_ = p.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 3000}) // and so for all streams
	until(3500)
	_ = p.WriteWindowUpdate(1, size)
	until(65535 - 5) // now it is the connection's
	_ = p.WriteWindowUpdate(0, size)
	until(size)
	if !ended {
		t.Error("the last part does not end the stream")
	}
}

// TestUploads: the windows are opened as the handler reads, and not before.
func TestUploads(t *testing.T) {
	const size = 4 << 20
	read := make(chan struct{})
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		<-read
		return hello(x)
	}}
	p := dial(t, serve(t, s))
	p.headers(1, false, request("POST", "/")...)
	conn, stream1, sent := 65535, 0, 0
	take := func(f xhttp2.Frame) {
		switch f := f.(type) {
		case *xhttp2.SettingsFrame:
			if v, ok := f.Value(xhttp2.SettingInitialWindowSize); ok {
				stream1 = int(v)
			}
		case *xhttp2.WindowUpdateFrame:
			if f.StreamID == 0 {
				conn += int(f.Increment)
			} else {
				stream1 += int(f.Increment)
			}
		}
	}
	p.expect(func(f xhttp2.Frame) bool { take(f); return conn > 65535 })
	part := make([]byte, 16<<10)
	for stream1 > 0 {
		n := min(len(part), stream1, conn)
		_ = p.WriteData(1, false, part[:n])
		sent, stream1, conn = sent+n, stream1-n, conn-n
	}
	// Nothing was read: nothing more is allowed.
	_ = p.WritePing(false, [8]byte{1})
	p.expect(func(f xhttp2.Frame) bool { take(f); _, pong := f.(*xhttp2.PingFrame); return pong })
	if stream1 != 0 {
		t.Fatalf("%d more bytes are allowed before any were read", stream1)
	}
	close(read)
	for sent < size {
		if stream1 == 0 || conn == 0 {
			p.expect(func(f xhttp2.Frame) bool { take(f); return stream1 > 0 && conn > 0 })
		}
		n := min(len(part), stream1, conn, size-sent)
		if n == 0 {
			t.Fatal("the window stays shut")
		}
		_ = p.WriteData(1, sent+n == size, part[:n])
		sent, stream1, conn = sent+n, stream1-n, conn-n
	}
	if got := p.expect(stream(1)); got != `1:200 1:"hello"!` {
		t.Errorf("got %s", got)
	}
}

// TestTimeouts: who does not go on in time is told so, and holds nothing.
func TestTimeouts(t *testing.T) {
	const short = 100 * time.Millisecond
	failed := make(chan error, 1)
	handler := func(x *exchange.Exchange) error {
		err := hello(x)
		if err == nil && x.Path == "/big" {
			for err == nil {
				_, err = x.Response.Write(make([]byte, 1<<10))
			}
		}
		failed <- err
		return err
	}
	for _, c := range []struct {
		name   string
		change func(*gatelodge.Timeouts)
		play   func(p *peer)
		want   string
		err    error // of the handler
	}{
		{"no preface", func(s *gatelodge.Timeouts) { s.Header = short }, func(p *peer) {}, "GOAWAY(0,NO_ERROR) END", nil},
		{"no request", func(s *gatelodge.Timeouts) { s.Header = short }, func(p *peer) { p.preface(); _ = p.WriteSettings() }, "GOAWAY(0,NO_ERROR) END", nil},
		{"nothing but pings", func(s *gatelodge.Timeouts) { s.Header = short }, func(p *peer) {
			p.preface()
			_ = p.WriteSettings()
			pings(p, 10*time.Millisecond)
		}, "GOAWAY(0,NO_ERROR) END", nil},
		{"half a head", func(s *gatelodge.Timeouts) { s.Header = short }, func(p *peer) {
			p.preface()
			_ = p.WriteSettings()
			_ = p.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode(request("GET", "/")...)})
		}, "GOAWAY(0,NO_ERROR) END", nil},
		{"nothing after a request", func(s *gatelodge.Timeouts) { s.Idle = short }, func(p *peer) {
			p.preface()
			_ = p.WriteSettings()
			p.headers(1, true, request("GET", "/")...)
			pings(p, 10*time.Millisecond)
		}, `1:200 1:"hello"! GOAWAY(1,NO_ERROR) END`, nil},
		{"a body that does not go on", func(s *gatelodge.Timeouts) { s.Body = short }, func(p *peer) {
			p.preface()
			_ = p.WriteSettings()
			p.headers(1, false, request("POST", "/")...)
			_ = p.WriteData(1, false, []byte("half"))
		}, "1:CANCEL", exchange.ErrTimeout},
		{"no window for the answer", func(s *gatelodge.Timeouts) { s.Send = short }, func(p *peer) {
			p.preface()
			_ = p.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
			p.headers(1, true, request("GET", "/")...)
		}, "1:200 1:INTERNAL_ERROR", exchange.ErrTimeout},
		{"a window that opens byte by byte", func(s *gatelodge.Timeouts) { s.Send = short }, func(p *peer) {
			p.preface()
			_ = p.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 2})
			p.headers(1, true, request("GET", "/")...)
		}, `1:200 1:"he" 1:INTERNAL_ERROR`, exchange.ErrTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			for len(failed) > 0 {
				<-failed
			}
			s := &http2.Server{Handler: handler, Settings: settings(func(s *gatelodge.Settings) { c.change(&s.Timeouts) })}
			p := connect(t, serve(t, s))
			c.play(p)
			done := never
			if strings.HasSuffix(c.want, "CANCEL") || strings.HasSuffix(c.want, "ERROR") {
				done = reset(1)
			}
			if got := p.expect(done); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if c.err != nil {
				if err := <-failed; !errors.Is(err, c.err) || !errors.Is(err, exchange.ErrClient) {
					t.Errorf("the handler got %v", err)
				}
			}
		})
	}
}

// pings sends pings until the connection ends.
func pings(p *peer, every time.Duration) {
	tick := time.NewTicker(every)
	go func() {
		defer tick.Stop()
		for range tick.C {
			if p.WritePing(false, [8]byte{}) != nil {
				return
			}
		}
	}()
}

// TestHandlersThatMisbehave, or break off.
func TestHandlersThatMisbehave(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler exchange.Handler
		want    string
	}{
		{"no answer", func(x *exchange.Exchange) error { return nil }, "1:500!"},
		{"an error before the answer", func(x *exchange.Exchange) error { return errors.New("no") }, "1:500!"},
		{"the client's before the answer", func(x *exchange.Exchange) error { return exchange.ErrClient }, "1:CANCEL"},
		{"a panic", func(x *exchange.Exchange) error { panic("no") }, "1:500!"},
		{"less than announced", func(x *exchange.Exchange) error { return x.Response.Head(200, nil, 5) }, "1:200 1:INTERNAL_ERROR"},
		{"more than announced", func(x *exchange.Exchange) error {
			_ = x.Response.Head(200, nil, 1)
			_, err := io.WriteString(x.Response, "two")
			return err
		}, "1:200 1:INTERNAL_ERROR"},
		{"an error in the middle", func(x *exchange.Exchange) error {
			_ = x.Response.Head(200, nil, -1)
			_, _ = io.WriteString(x.Response, "half")
			return errors.New("no")
		}, `1:200 1:"half" 1:INTERNAL_ERROR`},
		{"a body where there is none", func(x *exchange.Exchange) error {
			_ = x.Response.Head(204, nil, 0)
			_, err := io.WriteString(x.Response, "no")
			return err
		}, "1:204!"},
		{"an answer twice", func(x *exchange.Exchange) error {
			_ = hello(x)
			if x.Response.Head(500, nil, 0) == nil {
				t.Error("a second head was taken")
			}
			return nil
		}, `1:200 1:"hello"!`},
		{"a field that would be two", func(x *exchange.Exchange) error {
			if x.Response.Head(200, exchange.Fields{{Name: "x", Value: "a\r\nb: c"}}, 0) == nil {
				t.Error("it was taken")
			}
			return x.Response.Head(502, nil, 0)
		}, "1:502!"},
		{"nothing, which is flushed first", func(x *exchange.Exchange) error {
			_ = x.Response.Head(200, nil, 0)
			return x.Response.Flush()
		}, "1:200!"},
		{"interim answers and trailers", func(x *exchange.Exchange) error {
			_ = x.Response.Interim(103, exchange.Fields{{Name: "link", Value: "x"}})
			_ = x.Response.Interim(100, nil) // the client does not wait
			_ = x.Response.Head(200, nil, -1)
			_, _ = io.WriteString(x.Response, "body")
			return x.Response.Trailers(exchange.Fields{{Name: "x", Value: "y"}})
		}, `1:103 1:200 1:"body" 1:!`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dial(t, serve(t, &http2.Server{Handler: c.handler}))
			p.headers(1, true, request("GET", "/")...)
			if got := p.expect(stream(1)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestBodyThatIsNotRead: the client is told to stop when it has its answer.
func TestBodyThatIsNotRead(t *testing.T) {
	s := &http2.Server{Handler: func(x *exchange.Exchange) error { return x.Response.Head(403, nil, 0) }}
	p := dial(t, serve(t, s))
	p.headers(1, false, request("POST", "/")...)
	if got := p.expect(reset(1)); got != "1:403! 1:NO_ERROR" {
		t.Errorf("got %s", got)
	}
	for range 100 { // was on its way
		_ = p.WriteData(1, false, make([]byte, 10_000))
	}
	p.headers(3, true, request("GET", "/")...)
	if got := p.expect(stream(3)); got != "3:403!" {
		t.Errorf("got %s", got)
	}
}

// TestExpectation: a client that waits is asked when the body is read.
func TestExpectation(t *testing.T) {
	p := dial(t, serve(t, &http2.Server{Handler: hello}))
	p.headers(1, false, request("POST", "/", "expect", "100-continue")...)
	if got := p.expect(func(f xhttp2.Frame) bool { return describe(f) != "" }); got != "1:100" {
		t.Fatalf("got %s", got)
	}
	_ = p.WriteData(1, true, []byte("body"))
	if got := p.expect(stream(1)); got != `1:200 1:"hello"!` {
		t.Errorf("got %s", got)
	}
}

// TestClientGoes: a handler learns that its client is gone, be it by a reset or
// with the connection.
func TestClientGoes(t *testing.T) {
	for name, leave := range map[string]func(p *peer){
		"reset": func(p *peer) { _ = p.WriteRSTStream(1, xhttp2.ErrCodeCancel) },
		"close": func(p *peer) { p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			came, gone := make(chan struct{}), make(chan struct{})
			s := &http2.Server{Handler: func(x *exchange.Exchange) error {
				x.Cancellation.Watch(closer(func() { close(gone) }))
				close(came)
				<-gone
				x.Cancellation.Watch(nil)
				if err := x.Response.Head(200, nil, 0); !errors.Is(err, exchange.ErrClient) {
					t.Errorf("an answer to one who has gone: %v", err)
				}
				return exchange.ErrClient
			}}
			p := dial(t, serve(t, s))
			p.headers(1, true, request("GET", "/")...)
			<-came
			leave(p)
			<-gone
		})
	}
}

type closer func()

func (c closer) Close() error { c(); return nil }

// TestTunnel: an extended CONNECT (RFC 8441).
func TestTunnel(t *testing.T) {
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		if x.Method != "GET" || x.Upgrade != "websocket" || x.Length != 0 {
			t.Errorf("got %s, upgrade %q, length %d", x.Method, x.Upgrade, x.Length)
		}
		switch x.Path {
		case "/refuse":
			return x.Response.Head(403, nil, 0)
		case "/ignore":
			if x.Response.Head(200, nil, 0) == nil {
				t.Error("a tunnel was opened that is none")
			}
			return x.Response.Head(502, nil, 0)
		}
		tunnel, err := x.Response.Tunnel(x.Upgrade, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(tunnel, tunnel)
		_ = tunnel.CloseWrite()
		return err
	}}
	p := dial(t, serve(t, s))
	connects := false
	p.expect(func(f xhttp2.Frame) bool {
		if s, ok := f.(*xhttp2.SettingsFrame); ok {
			v, _ := s.Value(xhttp2.SettingEnableConnectProtocol)
			connects = v == 1
		}
		return connects
	})
	connect := func(id uint32, path string) {
		p.headers(id, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "a", ":path", path)
	}
	connect(1, "/")
	if got := p.expect(func(f xhttp2.Frame) bool { return describe(f) != "" }); got != "1:200" {
		t.Fatalf("got %s", got)
	}
	for _, word := range []string{"one", "two"} {
		_ = p.WriteData(1, false, []byte(word))
		if got := p.expect(func(f xhttp2.Frame) bool { return describe(f) != "" }); got != `1:"`+word+`"` {
			t.Fatalf("got %s", got)
		}
	}
	_ = p.WriteData(1, true, nil)
	if got := p.expect(stream(1)); got != `1:""!` {
		t.Errorf("got %s at the end", got)
	}
	connect(3, "/refuse")
	if got := p.expect(reset(3)); got != "3:403! 3:NO_ERROR" {
		t.Errorf("got %s", got)
	}
	connect(5, "/ignore")
	if got := p.expect(reset(5)); got != "5:502! 5:NO_ERROR" {
		t.Errorf("got %s", got)
	}
}

// TestDrain: what is under way is answered, what the client sends before it
// knows is too, and the connection ends.
func TestDrain(t *testing.T) {
	for try := 0; !drains(t); try++ {
		if try == 20 {
			t.Fatal("the machine is too slow for the time that a client is given to answer a ping")
		}
	}
}

// drains is TestDrain; it returns false where the server did not wait for its client any
// more, because that was late.
func drains(t *testing.T) (inTime bool) {
	came, finish := make(chan struct{}), make(chan struct{})
	finished := sync.OnceFunc(func() { close(finish) })
	defer finished()
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		if x.Path == "/slow" {
			close(came)
			<-finish
		}
		return hello(x)
	}}
	p := dial(t, serve(t, s))
	p.headers(1, true, request("GET", "/slow")...)
	<-came
	s.Drain()
	goAway := func(f xhttp2.Frame) bool { _, ok := f.(*xhttp2.GoAwayFrame); return ok }
	if got := p.expect(goAway); got != "GOAWAY(2147483647,NO_ERROR)" {
		t.Fatalf("got %s", got)
	}
	p.headers(3, true, request("GET", "/")...)
	answered := stream(3)
	switch got := p.expect(func(f xhttp2.Frame) bool { return answered(f) || goAway(f) }); got {
	case `3:200 3:"hello"!`:
	case "GOAWAY(1,NO_ERROR)":
		return false
	default:
		t.Errorf("one that crossed the word to go got %s", got)
	}
	_ = p.WritePing(true, [8]byte{'g', 'o', 'o', 'd', ' ', 'b', 'y', 'e'})
	if got := p.expect(goAway); got != "GOAWAY(3,NO_ERROR)" {
		t.Fatalf("got %s", got)
	}
	p.headers(5, true, request("GET", "/")...) // is not served, as it was told
	if s.Active() != 1 {
		t.Errorf("%d connections are active", s.Active())
	}
	finished()
	if got := p.expect(never); got != `1:200 1:"hello"! END` {
		t.Errorf("got %s", got)
	}
	return true
}

// TestDrainOfIdleConnections: one that does not answer the ping is told which
// stream is the last all the same.
func TestDrainOfIdleConnections(t *testing.T) {
	s := &http2.Server{Handler: hello}
	p := dial(t, serve(t, s))
	p.headers(1, true, request("GET", "/")...)
	p.expect(stream(1))
	s.Drain()
	if got := p.expect(never); got != "GOAWAY(2147483647,NO_ERROR) GOAWAY(1,NO_ERROR) END" {
		t.Errorf("got %s", got)
	}
}

// TestPingsBesideMessages: a ping for each message of a chat, as gRPC's clients and
// servers send it, is no abuse however long it goes on; pings alone are.
func TestPingsBesideMessages(t *testing.T) {
	const messages = 5000
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		_ = x.Response.Head(200, nil, -1)
		_ = x.Response.Flush()
		_, err := io.Copy(io.Discard, x.Body)
		return err
	}}
	p := dial(t, serve(t, s))
	p.headers(1, false, request("POST", "/")...)
	pong := func(f xhttp2.Frame) bool { ping, ok := f.(*xhttp2.PingFrame); return ok && ping.IsAck() }
	for i := range messages {
		if p.WriteData(1, false, []byte{1}) != nil || p.WritePing(false, [8]byte{}) != nil {
			t.Fatalf("the connection has ended after %d messages", i)
		}
		p.expect(pong)
	}
	for range 2 * messages {
		if p.WritePing(false, [8]byte{}) != nil {
			return
		}
	}
	p.expect(func(f xhttp2.Frame) bool {
		away, ok := f.(*xhttp2.GoAwayFrame)
		return ok && away.ErrCode == xhttp2.ErrCodeEnhanceYourCalm
	})
}

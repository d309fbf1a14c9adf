package http2_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http2"
	"gatelodge.dev/proxy/proxytest"
)

// requested is done when a request's head came, and keeps its stream.
func requested(id *uint32) func(xhttp2.Frame) bool {
	return func(f xhttp2.Frame) bool {
		h, ok := f.(*xhttp2.MetaHeadersFrame)
		if ok {
			*id = h.StreamID
		}
		return ok
	}
}

// plays has a backend that greets, reads one request and answers as it likes.
func plays(answer func(p *peer, id uint32)) func(p *peer) {
	return func(p *peer) {
		_ = p.WriteSettings()
		for {
			var id uint32
			if got := p.expect(requested(&id)); strings.HasSuffix(got, "END") || strings.HasSuffix(got, "TIMEOUT") {
				return
			}
			answer(p, id)
		}
	}
}

// TestAnswers is the table of what endpoints may do, and what Do says of it.
func TestAnswers(t *testing.T) {
	ok := func(p *peer, id uint32) {
		p.headers(id, false, ":status", "200", "x", "y")
		_ = p.WriteData(id, true, []byte("body"))
	}
	for _, c := range []struct {
		name   string
		answer func(p *peer, id uint32)
		status int // 0: Do fails before the head
		body   string
		errs   []error // that Do's wraps; none: it succeeds
		not    []error
		says   string
	}{
		{name: "answers", answer: ok, status: 200, body: "body"},
		{name: "answers with an unusual status", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "999") }, status: 999},
		{name: "answers in parts, with padding", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200")
			_ = p.WriteDataPadded(id, false, []byte("bo"), make([]byte, 100))
			_ = p.WriteData(id, false, nil)
			_ = p.WriteData(id, false, []byte("dy"))
			_ = p.WriteDataPadded(id, true, nil, make([]byte, 10))
		}, status: 200, body: "body"},
		{name: "answers and needs no more of the request", answer: func(p *peer, id uint32) {
			ok(p, id)
			_ = p.WriteRSTStream(id, xhttp2.ErrCodeNo)
		}, status: 200, body: "body"},
		{name: "sends interim answers", answer: func(p *peer, id uint32) {
			for range 32 {
				p.headers(id, false, ":status", "103")
			}
			ok(p, id)
		}, status: 200, body: "body"},
		{name: "sends an empty answer to HEAD", answer: func(p *peer, id uint32) {
			p.headers(id, true, ":status", "204")
		}, status: 204},

		{name: "sends too many interim answers", answer: func(p *peer, id uint32) {
			for range 33 {
				p.headers(id, false, ":status", "103")
			}
			ok(p, id)
		}, errs: []error{exchange.ErrBackend}, says: "interim"},
		{name: "sends no status", answer: func(p *peer, id uint32) { p.headers(id, true, "x", "y") }, errs: []error{exchange.ErrBackend}, says: ":status"},
		{name: "sends the status 099", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "099") }, errs: []error{exchange.ErrBackend}, says: ":status"},
		{name: "sends the status 1000", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "1000") }, errs: []error{exchange.ErrBackend}, says: ":status"},
		{name: "switches protocols", answer: func(p *peer, id uint32) { p.headers(id, false, ":status", "101") }, errs: []error{exchange.ErrBackend}, says: ":status"},
		{name: "sends a status twice", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "200", ":status", "200") }, errs: []error{exchange.ErrBackend}, says: "twice"},
		{name: "sends a name in upper case", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "200", "X", "y") }, errs: []error{exchange.ErrBackend}, says: "lower case"},
		{name: "sends a line break", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "200", "x", "a\r\nb: c") }, errs: []error{exchange.ErrBackend}, says: "control"},
		{name: "sends a field about the connection", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "200", "connection", "close") }, errs: []error{exchange.ErrBackend}, says: "connection"},
		{name: "sends two lengths", answer: func(p *peer, id uint32) {
			p.headers(id, true, ":status", "200", "content-length", "1", "content-length", "2")
		}, errs: []error{exchange.ErrBackend}, says: "Content-Length"},
		{name: "announces a body and sends none", answer: func(p *peer, id uint32) { p.headers(id, true, ":status", "200", "content-length", "1") }, errs: []error{exchange.ErrBackend}, says: "Content-Length"},
		{name: "sends less than announced", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-length", "9")
			_ = p.WriteData(id, true, []byte("half"))
		}, status: 200, errs: []error{exchange.ErrBackend}, says: "shorter"},
		{name: "sends more than announced", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-length", "1")
			_ = p.WriteData(id, true, []byte("two"))
		}, status: 200, errs: []error{exchange.ErrBackend}, says: "longer"},
		{name: "sends a body with 204", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "204")
			_ = p.WriteData(id, true, []byte("body"))
		}, status: 204, errs: []error{exchange.ErrBackend}, says: "longer"},
		{name: "sends a body before the head", answer: func(p *peer, id uint32) { _ = p.WriteData(id, true, []byte("body")) }, errs: []error{exchange.ErrBackend, exchange.ErrTimeout}},
		{name: "sends many fields, and blanks around a value", answer: func(p *peer, id uint32) {
			p.headers(id, true, append([]string{":status", "200", "x", " y "}, many(200)...)...)
		}, status: 200},
		{name: "sends a head that is too large", answer: func(p *peer, id uint32) {
			p.long(id, ":status", "200", "x", strings.Repeat("x", 70<<10))
		}, errs: []error{exchange.ErrBackend, exchange.ErrTooLarge}},
		{name: "sends trailers that are malformed", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200")
			p.headers(id, true, "X", "y")
		}, status: 200, errs: []error{exchange.ErrBackend}, says: "trailers"},
		{name: "sends garbage", answer: func(p *peer, _ uint32) { _, _ = io.WriteString(p.Conn, "HTTP/1.1 200 OK\r\n\r\n") }, errs: []error{exchange.ErrBackend}},
		{name: "breaks the rules of HPACK", answer: func(p *peer, id uint32) {
			_ = p.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0xff, 0xff, 0xff, 0xff, 0xff}, EndHeaders: true, EndStream: true})
		}, errs: []error{exchange.ErrBackend}, says: "COMPRESSION"},
		{name: "resets the stream", answer: func(p *peer, id uint32) { _ = p.WriteRSTStream(id, xhttp2.ErrCodeInternal) }, errs: []error{exchange.ErrBackend}, not: []error{exchange.ErrUnsent}, says: "INTERNAL_ERROR"},
		{name: "resets the stream in the body", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200")
			_ = p.WriteData(id, false, []byte("half"))
			_ = p.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream)
		}, status: 200, body: "half", errs: []error{exchange.ErrBackend}, not: []error{exchange.ErrUnsent}},
		{name: "refuses the stream", answer: func(p *peer, id uint32) { _ = p.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream) }, errs: []error{exchange.ErrBackend, exchange.ErrUnsent, exchange.ErrUnprocessed}},
		{name: "goes away before it", answer: func(p *peer, id uint32) { _ = p.WriteGoAway(id-1, xhttp2.ErrCodeNo, nil) }, errs: []error{exchange.ErrBackend, exchange.ErrUnsent, exchange.ErrUnprocessed}},
		{name: "goes away after it", answer: func(p *peer, id uint32) { _ = p.WriteGoAway(id, xhttp2.ErrCodeNo, nil); ok(p, id) }, status: 200, body: "body"},
		{name: "closes", answer: func(p *peer, _ uint32) { p.Close() }, errs: []error{exchange.ErrBackend}, not: []error{exchange.ErrUnsent, exchange.ErrTimeout}},
		{name: "closes in the body", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200")
			_ = p.WriteData(id, false, []byte("half"))
			p.Close()
		}, status: 200, body: "half", errs: []error{exchange.ErrBackend}},
		{name: "says nothing", answer: func(*peer, uint32) {}, errs: []error{exchange.ErrBackend, exchange.ErrTimeout}, not: []error{exchange.ErrUnsent}},
		{name: "stops in the body", answer: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200")
			_ = p.WriteData(id, false, []byte("half"))
		}, status: 200, body: "half", errs: []error{exchange.ErrBackend, exchange.ErrTimeout}},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := backend(t, plays(c.answer))
			read := patience
			if slices.Contains(c.errs, exchange.ErrTimeout) {
				read = 50 * time.Millisecond
			}
			got, err := ask(newClient(t, addr, settings(func(s *gatelodge.Settings) { s.Timeouts.Read = read })), "GET", nil)
			for got.status == 0 && c.status != 0 && errors.Is(err, exchange.ErrTimeout) && read < patience { // the machine is too slow
				read *= 2
				got, err = ask(newClient(t, addr, settings(func(s *gatelodge.Settings) { s.Timeouts.Read = read })), "GET", nil)
			}
			if got.status != c.status || got.body.String() != c.body && c.body != "" {
				t.Errorf("answered %d %q, want %d %q", got.status, &got.body, c.status, c.body)
			}
			if (err != nil) != (len(c.errs) > 0) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			for _, want := range c.errs {
				if !errors.Is(err, want) {
					t.Errorf("got %v, which is not %v", err, want)
				}
			}
			for _, not := range c.not {
				if errors.Is(err, not) {
					t.Errorf("got %v, which is %v", err, not)
				}
			}
		})
	}
}

// TestTrailersOfAnEmptyAnswer: a length of 0 before trailers is not passed on,
// because it would end the response.
func TestTrailersOfAnEmptyAnswer(t *testing.T) {
	for _, trailers := range []bool{true, false} {
		addr := backend(t, plays(func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-length", "0")
			if trailers {
				p.headers(id, true, "x", "y")
			} else {
				_ = p.WriteData(id, true, nil)
			}
		}))
		got, err := ask(newClient(t, addr, settings()), "GET", nil)
		want := int64(0)
		if trailers {
			want = -1
		}
		if err != nil || got.length != want || got.trailers.Has("x") != trailers {
			t.Errorf("got a length of %d, trailers %v, %v", got.length, got.trailers, err)
		}
	}
}

// TestRequestsAsSent: what an endpoint gets of an exchange.
func TestRequestsAsSent(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		change func(x *exchange.Exchange)
		want   string
	}{
		{"no body", "GET", func(x *exchange.Exchange) { x.Query = "?q" },
			"1! :method=GET :scheme=http :path=/?q :authority=app.example.test"},
		{"the endpoint's name where there is none", "GET", func(x *exchange.Exchange) { x.Authority = "" },
			"1! :method=GET :scheme=http :path=/ :authority=ADDR"},
		{"fields in their order", "GET", func(x *exchange.Exchange) {
			x.Header = exchange.Fields{{Name: "x", Value: "1"}, {Name: "te", Value: "trailers"}, {Name: "x", Value: ""}}
		}, "1! :method=GET :scheme=http :path=/ :authority=app.example.test x=1 te=trailers x="},
		{"a POST without a body", "POST", func(*exchange.Exchange) {},
			"1! :method=POST :scheme=http :path=/ :authority=app.example.test content-length=0"},
		{"a body of known length", "PUT", func(x *exchange.Exchange) { x.Length, x.Body = 4, &body{Reader: strings.NewReader("body")} },
			`1 :method=PUT :scheme=http :path=/ :authority=app.example.test content-length=4 1:"body" 1:""!`},
		{"a body of unknown length", "PUT", func(x *exchange.Exchange) { x.Length, x.Body = -1, &body{Reader: strings.NewReader("body")} },
			`1 :method=PUT :scheme=http :path=/ :authority=app.example.test 1:"body" 1:""!`},
		{"trailers", "PUT", func(x *exchange.Exchange) {
			x.Length, x.Body = -1, &trailed{body{Reader: strings.NewReader("body")}}
		}, `1 :method=PUT :scheme=http :path=/ :authority=app.example.test 1:"body" 1! after=all`},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := make(chan string, 1)
			addr := backend(t, func(p *peer) {
				_ = p.WriteSettings()
				var words []string
				p.expect(func(f xhttp2.Frame) bool {
					switch f := f.(type) {
					case *xhttp2.MetaHeadersFrame:
						words = append(words, strings.TrimSuffix(strings.Replace(describe(f), ":", "", 1), ""))
						for _, field := range f.Fields {
							words = append(words, field.Name+"="+field.Value)
						}
					case *xhttp2.DataFrame:
						words = append(words, describe(f))
					}
					return stream(1)(f)
				})
				seen <- strings.Join(words, " ")
				p.headers(1, true, ":status", "200")
				p.expect(never)
			})
			_, err := ask(newClient(t, addr, settings()), c.method, nil, c.change)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := <-seen, strings.Replace(c.want, "ADDR", addr, 1); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

type trailed struct{ body }

func (b *trailed) Trailers() exchange.Fields { return exchange.Fields{{Name: "after", Value: "all"}} }

// TestOneStreamBeforeSettings: until an endpoint has said how many streams it
// takes it is sent one, and then as many as it takes, all on one connection.
func TestOneStreamBeforeSettings(t *testing.T) {
	const streams, requests = 5, 20
	greet := make(chan struct{})
	var conns, open, most, early atomic.Int32
	addr := backend(t, func(p *peer) {
		conns.Add(1)
		said := false
		var mu sync.Mutex
		go func() {
			<-greet
			mu.Lock()
			defer mu.Unlock()
			said = true
			_ = p.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: streams})
		}()
		p.expect(func(f xhttp2.Frame) bool {
			h, ok := f.(*xhttp2.MetaHeadersFrame)
			if !ok {
				return false
			}
			mu.Lock()
			defer mu.Unlock()
			if !said && early.Add(1) == 1 {
				close(greet)
			}
			most.Store(max(most.Load(), open.Add(1)))
			time.AfterFunc(20*time.Millisecond, func() {
				mu.Lock()
				defer mu.Unlock()
				open.Add(-1)
				p.headers(h.StreamID, true, ":status", "200")
			})
			return false
		})
	})
	client := newClient(t, addr, settings())
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			if got, err := ask(client, "GET", nil); err != nil || got.status != 200 {
				t.Errorf("got %d, %v", got.status, err)
			}
		})
	}
	all.Wait()
	if early.Load() > conns.Load() {
		t.Errorf("%d streams before the settings, on %d connections", early.Load(), conns.Load())
	}
	if most := most.Load(); most > streams*conns.Load() {
		t.Errorf("%d streams at a time over %d connections of %d", most, conns.Load(), streams)
	}
	if n := conns.Load(); n > requests/streams {
		t.Errorf("%d connections for %d requests at a time, %d on each", n, requests, streams)
	}
}

// TestSlowClientHoldsUpNoOther: many answers that are not taken, and one that
// is, over one connection.
func TestSlowClientHoldsUpNoOther(t *testing.T) {
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		if x.Path == "/small" {
			return hello(x)
		}
		_ = x.Response.Head(200, nil, -1)
		for {
			if _, err := x.Response.Write(make([]byte, 32<<10)); err != nil {
				return err
			}
		}
	}}
	client := newClient(t, serve(t, s), settings())
	var all sync.WaitGroup
	gone := make(chan struct{})
	for range 50 {
		all.Go(func() {
			_, _ = ask(client, "GET", nil, func(x *exchange.Exchange) { x.Response = &stuck{until: gone} })
		})
	}
	for range 20 {
		if got, err := ask(client, "GET", nil, func(x *exchange.Exchange) { x.Path = "/small" }); err != nil || got.body.String() != "hello" {
			t.Fatalf("got %q, %v", &got.body, err)
		}
	}
	close(gone)
	all.Wait()
}

// stuck is a client that takes nothing, and then goes.
type stuck struct {
	recorder
	until chan struct{}
}

func (s *stuck) Write([]byte) (int, error) {
	<-s.until
	return 0, exchange.ErrClient
}

// TestUploadsToEndpoints: a body without end is answered before its end, and
// one whose client fails does not look whole.
func TestUploadsToEndpoints(t *testing.T) {
	s := &http2.Server{Handler: func(x *exchange.Exchange) error {
		if x.Path == "/early" {
			return x.Response.Head(409, nil, 0)
		}
		n, err := io.Copy(io.Discard, x.Body)
		if err != nil {
			return err
		}
		_ = x.Response.Head(200, nil, -1)
		_, err = fmt.Fprint(x.Response, n)
		return err
	}}
	client := newClient(t, serve(t, s), settings())
	got, err := ask(client, "POST", bytes.NewReader(make([]byte, 3<<20)))
	if err != nil || got.body.String() != fmt.Sprint(3<<20) {
		t.Errorf("got %q, %v", &got.body, err)
	}
	waits := &body{closed: make(chan struct{})}
	waits.Reader = readFunc(func([]byte) (int, error) { <-waits.closed; return 0, exchange.ErrClient })
	got, err = ask(client, "POST", nil, func(x *exchange.Exchange) { x.Path, x.Length, x.Body = "/early", -1, waits })
	if err != nil || got.status != 409 {
		t.Errorf("got %d, %v", got.status, err)
	}
	lost := errors.New("lost")
	_, err = ask(client, "POST", io.MultiReader(strings.NewReader("half"), readFunc(func([]byte) (int, error) { return 0, lost })))
	if !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestGone: a request whose client goes is withdrawn.
func TestGone(t *testing.T) {
	came, left := make(chan struct{}), make(chan string, 1)
	addr := backend(t, func(p *peer) {
		_ = p.WriteSettings()
		var id uint32
		p.expect(requested(&id))
		close(came)
		left <- p.expect(reset(id))
	})
	client := newClient(t, addr, settings())
	cancellation := new(exchange.Cancellation)
	go func() { <-came; cancellation.ClientGone() }()
	_, err := ask(client, "GET", nil, func(x *exchange.Exchange) { x.Cancellation = cancellation })
	if !errors.Is(err, exchange.ErrClient) {
		t.Errorf("got %v", err)
	}
	if got := <-left; got != "1:CANCEL" {
		t.Errorf("the endpoint got %s", got)
	}
	if _, err := ask(client, "GET", nil, func(x *exchange.Exchange) { x.Cancellation = cancellation }); !errors.Is(err, exchange.ErrClient) {
		t.Errorf("for one who has gone before: %v", err)
	}
}

// TestConnectionsThatDied: one on which no request has been heard of since is
// not used for others, and Close ends those that are idle.
func TestConnectionsThatDied(t *testing.T) {
	var conns atomic.Int32
	addr := backend(t, func(p *peer) {
		n := conns.Add(1)
		_ = p.WriteSettings()
		for i := 0; ; i++ {
			var id uint32
			if got := p.expect(requested(&id)); strings.HasSuffix(got, "END") {
				return
			}
			if n > 1 || i == 0 {
				p.headers(id, true, ":status", "200")
			}
		}
	})
	client := newClient(t, addr, settings())
	if _, err := ask(client, "GET", nil); err != nil {
		t.Errorf("got %v", err)
	}
	hurried := settings(func(s *gatelodge.Settings) { s.Timeouts.Read = 100 * time.Millisecond })().Timeouts
	if _, err := ask(client, "GET", nil, func(x *exchange.Exchange) { x.Timeouts = &hurried }); !errors.Is(err, exchange.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	for range 3 {
		if got, err := ask(client, "GET", nil); err != nil || got.status != 200 {
			t.Errorf("got %d, %v", got.status, err)
		}
	}
	if n := conns.Load(); n != 2 {
		t.Errorf("%d connections, want the one that died and another", n)
	}
}

// TestIdleConnectionsEnd after their time, and with Close.
func TestIdleConnectionsEnd(t *testing.T) {
	ended := make(chan struct{}, 10)
	addr := backend(t, func(p *peer) {
		plays(func(p *peer, id uint32) { p.headers(id, true, ":status", "200") })(p)
		ended <- struct{}{}
	})
	client := http2.NewClient(address(addr), http2.Options{Settings: settings(), IdleTimeout: 50 * time.Millisecond})
	if _, err := ask(client, "GET", nil); err != nil {
		t.Fatal(err)
	}
	<-ended
	other := newClient(t, addr, settings())
	if _, err := ask(other, "GET", nil); err != nil {
		t.Fatal(err)
	}
	other.Close()
	<-ended
	if _, err := ask(other, "GET", nil); err != nil {
		t.Errorf("after Close: %v", err)
	}
	<-ended
}

// TestUnreachable: nothing was sent.
func TestUnreachable(t *testing.T) {
	dead := proxytest.DeadAddress(t)
	_, err := ask(newClient(t, dead.String(), settings()), "POST", nil)
	if !errors.Is(err, exchange.ErrUnsent) || !errors.Is(err, exchange.ErrBackend) || errors.Is(err, exchange.ErrUnprocessed) {
		t.Errorf("got %v", err)
	}
	slow := http2.NewClient(dead, http2.Options{
		Settings: settings(func(s *gatelodge.Settings) { s.Timeouts.Connect = 50 * time.Millisecond }),
		Dial: func(ctx context.Context, _ addrPort) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	if _, err := ask(slow, "POST", nil); !errors.Is(err, exchange.ErrUnsent) || !errors.Is(err, exchange.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

// TestAgainstNetHTTP: net/http's server takes what we send for what it is.
func TestAgainstNetHTTP(t *testing.T) {
	l := listen(t)
	server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		w.Header().Set("Trailer", "After")
		fmt.Fprint(w, r.Method, r.Host, r.RequestURI, r.Header, r.ContentLength, len(content))
		w.Header().Set("After", "all")
	})}
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	client := newClient(t, l.Addr().String(), settings())
	for range 2 {
		got, err := ask(client, "PUT", strings.NewReader("content"), func(x *exchange.Exchange) {
			x.Header = exchange.Fields{{Name: "cookie", Value: "secret"}, {Name: "x", Value: strings.Repeat("long", 5000)}}
		})
		want := "PUTapp.example.test/map[Cookie:[secret] X:[" + strings.Repeat("long", 5000) + "]] -1 7"
		if err != nil || got.body.String() != want {
			t.Errorf("got %.200q, %v", &got.body, err)
		}
		if got.trailers.Get("after") != "all" {
			t.Errorf("got trailers %v", got.trailers)
		}
	}
}

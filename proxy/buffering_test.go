package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

func bufferedRequests() *gatelodge.Policy {
	return &gatelodge.Policy{Buffering: &gatelodge.Buffering{Request: true, RequestMemory: 64 << 10}}
}

// TestBufferedRequest: an endpoint hears nothing of a request before its whole body
// is there, and then gets it with its length.
func TestBufferedRequest(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		var heard atomic.Int64
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			heard.Add(1)
			sum := sha256.New()
			n, _ := io.Copy(sum, r.Body)
			fmt.Fprintf(w, "%d %d %x %s", r.ContentLength, n, sum.Sum(nil), r.Trailer.Get("X-Sum"))
		})), policy(bufferedRequests()))
		client := g.client(m)
		for i, size := range []int{1, 5000, 100_000, 3 << 20} {
			content := []byte(longText(size))
			out, in := pipe(t)
			r := newRequest(t, "POST", m.url(appHost, "/"), out)
			if i%2 == 0 {
				r.ContentLength = int64(size)
			}
			before := heard.Load()
			go func() {
				_, _ = in.Write(content[:size/2])
				if n := heard.Load(); n != before {
					t.Errorf("the endpoint got the request before its body: %d", n)
				}
				_, _ = in.Write(content[size/2:])
				in.Close()
			}()
			want := fmt.Sprintf("%d %d %x ", size, size, sha256.Sum256(content))
			if answer := do(t, client, r); answer.body != want {
				t.Errorf("the endpoint got %q, want %q", answer.body, want)
			}
		}
		r := newRequest(t, "POST", m.url(appHost, "/"), io.MultiReader(strings.NewReader("body")))
		r.Trailer = http.Header{"X-Sum": {"42"}}
		if answer := do(t, client, r); !strings.HasPrefix(answer.body, "-1 4 ") || !strings.HasSuffix(answer.body, " 42") {
			t.Errorf("with trailers the endpoint got %q", answer.body)
		}
		if n := g.metric("gatelodge_http_buffered_total", "body", "request", "result", "file"); n != 2 {
			t.Errorf("%v bodies were in files", n)
		}
		eventually(t, "nothing is held", func() bool { return g.server.buffers.Memory() == 0 && g.server.buffers.Disk() == 0 })
	})
}

// TestBufferedRequestIsAskedFor with 100, which the endpoint has no say in.
func TestBufferedRequestIsAskedFor(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%q %q", r.Header.Get("Expect"), body)
		})), policy(bufferedRequests()))
		r := newRequest(t, "POST", m.url(appHost, "/"), strings.NewReader("hello"))
		r.Header.Set("Expect", "100-continue")
		if answer := do(t, g.client(m), r); answer.body != `"" "hello"` {
			t.Errorf("got %q", answer.body)
		}
	})
}

// TestBufferedRequestIsRetried, also where it is long, and only where it may be.
func TestBufferedRequestIsRetried(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		content := longText(1 << 20)
		refuse := func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(503)
		}
		accept := func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%x", sha256.Sum256(body))
		}
		buffered := bufferedRequests()
		buffered.Retries = &gatelodge.RetryRules{On: gatelodge.DefaultRetries | gatelodge.Retry503}
		g := start(t, app(p, backendServer(t, p, refuse), backendServer(t, p, accept)), policy(buffered))
		for _, c := range []struct {
			method string
			failed int
		}{{"PUT", 0}, {"POST", 2}} {
			failed := 0
			for range 4 {
				answer := do(t, g.client(m), newRequest(t, c.method, m.url(appHost, "/"), strings.NewReader(content)))
				if answer.StatusCode == 503 {
					failed++
				} else if answer.body != fmt.Sprintf("%x", sha256.Sum256([]byte(content))) {
					t.Errorf("%s: got %d %q", c.method, answer.StatusCode, answer.body)
				}
			}
			if failed != c.failed {
				t.Errorf("%s: %d of 4 failed, want %d", c.method, failed, c.failed)
			}
		}
	})
}

// TestBuffersAreBounded: a namespace gets its share, and what is held is given back.
func TestBuffersAreBounded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n)
		})), policy(bufferedRequests()), settings(func(s *gatelodge.Settings) {
			s.Buffers = gatelodge.Buffers{Memory: 128 << 10, Disk: 256 << 10, Share: 0.5}
		}))
		client := g.client(m)
		post := func(size int64, known bool) answerOf {
			r := newRequest(t, "POST", m.url(appHost, "/"), io.LimitReader(endless{}, size))
			if known {
				r.ContentLength = size
			}
			return do(t, client, r)
		}
		if answer := post(200<<10, true); answer.StatusCode != 413 {
			t.Errorf("more than the share: %d", answer.StatusCode)
		}
		if answer := post(150<<10, true); answer.StatusCode != 200 || answer.body != fmt.Sprint(150<<10) {
			t.Errorf("within the share: %d %q", answer.StatusCode, answer.body)
		}

		// One that holds the most of it lets no other in.
		out, in := pipe(t)
		slow := newRequest(t, "POST", m.url(appHost, "/"), out)
		answered := make(chan string, 1)
		go func() {
			response, err := client.Do(slow)
			if err != nil {
				answered <- err.Error()
				return
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			answered <- string(body)
		}()
		_, _ = in.Write(make([]byte, 150<<10))
		eventually(t, "it is held", func() bool { return g.server.buffers.Disk() > 64<<10 })
		if answer := post(150<<10, true); answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
			t.Errorf("beside another: %d", answer.StatusCode)
		}
		in.Close()
		if got := <-answered; got != fmt.Sprint(150<<10) {
			t.Errorf("the other: %q", got)
		}
		eventually(t, "nothing is held", func() bool { return g.server.buffers.Memory() == 0 && g.server.buffers.Disk() == 0 })
		if n := g.metric("gatelodge_http_limited_total", "limit", "proxy-request-buffering"); n != 2 {
			t.Errorf("%v were refused", n)
		}
	}, h1, h2)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestBufferedRequestIsLeft by its client, or takes too long: nothing is held, and
// the endpoint hears nothing of it.
func TestBufferedRequestIsLeft(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	inModes(t, func(t *testing.T, m mode) {
		var heard atomic.Int64
		build := app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
		g := start(t, build, policy(bufferedRequests()))
		out, in := pipe(t)
		ctx, leave := context.WithCancel(t.Context())
		r := newRequest(t, "POST", m.url(appHost, "/"), out).WithContext(ctx)
		left := make(chan error, 1)
		go func() {
			_, err := g.client(m).Do(r)
			left <- err
		}()
		_, _ = in.Write(make([]byte, 1000))
		eventually(t, "it is held", func() bool { return g.server.buffers.Memory() > 0 })
		leave()
		_ = in.CloseWithError(context.Canceled) // net/http waits for its end
		<-left
		eventually(t, "it is held no longer", func() bool { return g.server.buffers.Memory() == 0 })

		late := bufferedRequests()
		late.Timeouts = &gatelodge.RouteTimeouts{Request: 100 * time.Millisecond}
		s := plainSnapshot()
		build(s)
		policy(late)(s)
		g.live.Swap(s)
		out, in = pipe(t)
		go func() { _, _ = in.Write(make([]byte, 1000)) }()
		if answer := do(t, g.client(m), newRequest(t, "POST", m.url(appHost, "/"), out)); answer.StatusCode != 504 {
			t.Errorf("after its time it got %d", answer.StatusCode)
		}
		in.Close()
		if n := heard.Load(); n != 0 {
			t.Errorf("the endpoint got %d requests", n)
		}
	})
}

func bufferedResponses(memory, file int64) *gatelodge.Policy {
	return &gatelodge.Policy{Buffering: &gatelodge.Buffering{Response: true, ResponseMemory: memory, ResponseFile: file}}
}

// TestBufferedResponse: a client that reads nothing yet keeps no endpoint, and gets
// the whole answer in the end.
func TestBufferedResponse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		content := longText(16 << 20)
		done := make(chan struct{}, 1)
		limited := bufferedResponses(64<<10, 32<<20)
		limited.BackendLimits = &gatelodge.BackendLimits{Requests: 1}
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, content)
			w.Header().Set("X-Sum", "42")
			done <- struct{}{}
		})), policy(limited))
		client := g.client(m)
		response, err := client.Do(newRequest(t, "GET", m.url(appHost, "/"), nil))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		<-done // nothing was read
		eventually(t, "the backend takes another request", func() bool {
			g.server.upstreams.mu.Lock()
			gate := &g.server.upstreams.byKey[appKey].gate
			g.server.upstreams.mu.Unlock()
			gate.mu.Lock()
			defer gate.mu.Unlock()
			return gate.busy == 0
		})
		if held := g.server.buffers.Disk(); held < 1<<20 {
			t.Errorf("%d bytes are in a file", held)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != content || response.Trailer.Get("X-Sum") != "42" {
			t.Errorf("got %d bytes, %v, %v", len(body), response.Trailer, err)
		}
		eventually(t, "nothing is held", func() bool { return g.server.buffers.Memory() == 0 && g.server.buffers.Disk() == 0 })
		if n := g.metric("gatelodge_http_buffered_total", "body", "response", "result", "file"); n != 1 {
			t.Errorf("%v were in files", n)
		}
	})
}

// TestBufferedStream: what an endpoint has sent before it pauses arrives.
func TestBufferedStream(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		next := make(chan string)
		both := bufferedResponses(64<<10, 0)
		both.Compression = compressed("gzip").Compression
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.(http.Flusher).Flush()
			for event := range next {
				_, _ = io.WriteString(w, event)
				w.(http.Flusher).Flush()
				if event == "last" {
					return
				}
			}
		})), policy(both))
		for _, coding := range []string{"", "gzip"} {
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			if coding != "" {
				r.Header.Set("Accept-Encoding", coding)
			}
			response, err := g.client(m).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			var events io.Reader
			for _, event := range []string{"first", longText(200_000), "last"} {
				next <- event
				if events == nil {
					events = decoding(t, coding, response.Body)
				}
				got := make([]byte, len(event))
				if _, err := io.ReadFull(events, got); err != nil || string(got) != event {
					t.Fatalf("got %d bytes, %v", len(got), err)
				}
			}
			if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
				t.Errorf("after the end: %q, %v", rest, err)
			}
			response.Body.Close()
		}
		close(next)
	})
}

// TestBufferedResponseIsAborted: what an endpoint sent before it failed arrives, and
// does not look complete; a client that leaves ends its answer.
func TestBufferedResponseIsAborted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, longText(100_000))
			w.(http.Flusher).Flush()
			if r.URL.Path == "/broken" {
				panic(http.ErrAbortHandler)
			}
			for r.Context().Err() == nil { // until the gateway hangs up
				_, _ = io.WriteString(w, longText(100_000))
			}
		})), policy(bufferedResponses(64<<10, 1<<20)))
		for _, path := range []string{"/broken", "/endless"} {
			response, err := g.client(m).Do(newRequest(t, "GET", m.url(appHost, path), nil))
			if err != nil {
				t.Fatal(err)
			}
			if path == "/broken" {
				if body, err := io.ReadAll(response.Body); err == nil || !strings.HasPrefix(longText(100_000), string(body)) {
					t.Errorf("%d bytes look complete", len(body))
				}
			} else if _, err := io.ReadFull(response.Body, make([]byte, 200_000)); err != nil {
				t.Error(err)
			}
			response.Body.Close()
		}
		eventually(t, "nothing is held", func() bool { return g.server.buffers.Memory() == 0 && g.server.buffers.Disk() == 0 })
	})
}

// TestResponseWithoutBuffers is passed on as it comes, as is one whose endpoint asks
// for that.
func TestResponseWithoutBuffers(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		content := longText(300_000)
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Accel-Buffering", r.URL.Path[1:])
			_, _ = io.WriteString(w, content)
		})), policy(bufferedResponses(1<<20, 1<<20)), settings(func(s *gatelodge.Settings) { s.Buffers.Memory = 0 }))
		for _, path := range []string{"/no", "/yes"} {
			if answer := g.get(m, path); answer.body != content {
				t.Errorf("got %d bytes", len(answer.body))
			}
		}
		if n := g.metric("gatelodge_http_buffered_total", "body", "response", "result", "full"); n != 1 {
			t.Errorf("%v were streamed for want of memory", n)
		}
	})
}

// TestManyBufferedExchanges at once, with slow readers and writers among them and
// snapshots changing: each gets back its own body, and in the end nothing is held.
func TestManyBufferedExchanges(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	both := bufferedRequests()
	both.Buffering.Response, both.Buffering.ResponseMemory, both.Buffering.ResponseFile = true, 64<<10, 1<<20
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})), policy(both))
	stop := make(chan struct{})
	var swaps sync.WaitGroup
	swaps.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s, _, _ := g.live.Current()
				next := *s
				changed := *s.Settings
				changed.Buffers.Share = 0.9 - changed.Buffers.Share/2
				next.Settings = &changed
				g.live.Swap(&next)
			}
		}
	})
	var clients sync.WaitGroup
	for i := range 12 {
		m := allModes[i%len(allModes)]
		clients.Go(func() {
			client := g.client(m)
			for j := range 6 {
				content := []byte(strings.Repeat(fmt.Sprintf("%d/%d ", i, j), 1+i*j*1500))
				r := newRequest(t, "POST", m.url(appHost, "/"), bytes.NewReader(content))
				response, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(io.MultiReader(io.LimitReader(response.Body, 10), response.Body))
				response.Body.Close()
				if err != nil || !bytes.Equal(body, content) {
					t.Errorf("%d/%d: %d %d other bytes, %v", i, j, response.StatusCode, len(body), err)
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	swaps.Wait()
	eventually(t, "nothing is held", func() bool { return g.server.buffers.Memory() == 0 && g.server.buffers.Disk() == 0 })
}

// TestBufferingLeavesTunnels and calls of gRPC as they are: their clients wait for
// what comes back.
func TestBufferingLeavesTunnels(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(conn, rw)
	})), policy(&gatelodge.Policy{Buffering: &gatelodge.Buffering{Request: true, Response: true, ResponseMemory: 64 << 10}, Compression: compressed().Compression}))
	conn, err := net.Dial("tcp", g.address(h1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: echo\r\nAccept-Encoding: gzip\r\n\r\n", appHost)
	const head = "HTTP/1.1 101 "
	got := make([]byte, len(head))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != head {
		t.Fatalf("got %q, %v", got, err)
	}
	fmt.Fprint(conn, "ping")
	var all []byte
	for !bytes.HasSuffix(all, []byte("ping")) {
		n, err := conn.Read(got)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got[:n]...)
	}
}

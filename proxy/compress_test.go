package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	gatelodge "gatelodge.dev"
)

// compressed is a policy that compresses all that it may.
func compressed(codings ...gatelodge.Coding) *gatelodge.Policy {
	if codings == nil {
		codings = gatelodge.AllCodings()
	}
	return &gatelodge.Policy{Compression: &gatelodge.Compression{Codings: codings, Types: gatelodge.DefaultCompressedTypes(), MinBytes: 256}}
}

// decode reads a body in a coding.
func decode(t *testing.T, coding string, body io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(decoding(t, coding, body))
	if err != nil {
		t.Fatalf("decoding %q: %v", coding, err)
	}
	return string(text)
}

func decoding(t *testing.T, coding string, body io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "":
		return body
	case "gzip":
		r, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		return r
	case "br":
		return brotli.NewReader(body)
	case "zstd":
		r, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	}
	t.Fatalf("an unknown coding: %q", coding)
	return nil
}

// longText compresses to less than a half.
func longText(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"name":"customer %d","address":"%x"},`, i*7919, i, i*i)
	}
	return b.String()[:n]
}

// TestCompression: what a client gets can be decoded to what the endpoint has sent,
// whatever is spoken, and nothing is said of it that is true only of the original.
func TestCompression(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		text := longText(300_000)
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Accept-Ranges", "bytes")
			w.Header().Set("Vary", "Origin")
			size, _ := strconv.Atoi(r.URL.Query().Get("size"))
			if r.URL.Path == "/known" {
				w.Header().Set("Content-Length", strconv.Itoa(size))
			}
			_, _ = io.WriteString(w, text[:size/2])
			if r.URL.Path == "/streamed" {
				w.(http.Flusher).Flush()
			}
			_, _ = io.WriteString(w, text[size/2:size])
		})), policy(compressed()))
		client := g.client(m)
		for _, coding := range []string{"", "gzip", "br", "zstd"} {
			for _, size := range []int{257, 5000, 300_000} {
				for _, path := range []string{"/known", "/unknown", "/streamed"} {
					r := newRequest(t, "GET", m.url(appHost, fmt.Sprint(path, "?size=", size)), nil)
					if coding != "" {
						r.Header.Set("Accept-Encoding", coding)
					}
					answer := do(t, client, r)
					h := answer.Header
					if answer.StatusCode != 200 || h.Get("Content-Encoding") != coding {
						t.Fatalf("%s of %d in %q: %d %v", path, size, coding, answer.StatusCode, h)
					}
					if got := decode(t, coding, strings.NewReader(answer.body)); got != text[:size] {
						t.Errorf("%s of %d in %q: got %d other bytes", path, size, coding, len(got))
					}
					if h.Get("Vary") != "Origin, Accept-Encoding" || len(h["Vary"]) != 1 {
						t.Errorf("Vary: %q", h["Vary"])
					}
					if coding == "" {
						if h.Get("ETag") != `"v1"` || h.Get("Accept-Ranges") != "bytes" {
							t.Errorf("as it is: %v", h)
						}
						continue
					}
					if h.Get("ETag") != `W/"v1"` || h.Get("Accept-Ranges") != "" || h.Get("Content-Length") != "" {
						t.Errorf("in %s: %v", coding, h)
					}
					if size == 300_000 && len(answer.body) > size/2 {
						t.Errorf("in %s: %d bytes", coding, len(answer.body))
					}
				}
			}
		}
		if n := g.metric("gatelodge_http_compressed_total", "ingress", "web", "coding", "br"); n != 9 {
			t.Errorf("%v answers were compressed by Brotli", n)
		}
		before := g.metric("gatelodge_http_compressed_bytes_total", "ingress", "web", "stage", "before")
		after := g.metric("gatelodge_http_compressed_bytes_total", "ingress", "web", "stage", "after")
		if before != 9*(257+5000+300_000) || after > before/2 || after < before/100 {
			t.Errorf("%v bytes became %v", before, after)
		}
		if used := g.metric("gatelodge_compression_memory_bytes"); used != 0 {
			t.Errorf("%v bytes of encoders are in use", used)
		}
		line := g.lines(36)[35]
		if line["compressed"] != "zstd" || line["bytes_out"].(float64) > 150_000 {
			t.Errorf("the access log says %v", line)
		}
	})
}

// TestNotCompressed: what must be left alone arrives byte for byte, for a client
// that takes every coding.
func TestNotCompressed(t *testing.T) {
	text := longText(4000)
	for name, c := range map[string]struct {
		method  string
		request http.Header
		status  int
		answer  http.Header
		vary    bool // another client might get it compressed
	}{
		"has a coding":                 {answer: http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {"x-own"}}},
		"has the coding identity":      {answer: http.Header{"Content-Type": {"text/plain"}, "Content-Encoding": {"identity"}}},
		"no-transform":                 {answer: http.Header{"Content-Type": {"text/plain"}, "Cache-Control": {"max-age=5, No-Transform"}}},
		"no-transform in two":          {answer: http.Header{"Content-Type": {"text/plain"}, "Cache-Control": {"private", "no-transform"}}},
		"no-transform of the request":  {request: http.Header{"Cache-Control": {"no-transform"}}, answer: http.Header{"Content-Type": {"text/plain"}}},
		"partial":                      {request: http.Header{"Range": {"bytes=0-3999"}}, status: 206, answer: http.Header{"Content-Type": {"text/plain"}, "Content-Range": {"bytes 0-3999/8000"}}},
		"a range in a 416":             {status: 416, answer: http.Header{"Content-Type": {"text/plain"}, "Content-Range": {"bytes */8000"}}},
		"a digest":                     {answer: http.Header{"Content-Type": {"text/plain"}, "Content-Digest": {"sha-256=:x:"}}},
		"another type":                 {answer: http.Header{"Content-Type": {"image/png"}}},
		"without a type":               {answer: http.Header{"Content-Type": {""}}},
		"events, which are no default": {answer: http.Header{"Content-Type": {"text/event-stream"}}},
		"gRPC-Web":                     {answer: http.Header{"Content-Type": {"application/grpc-web+proto"}}},
		"HEAD":                         {method: "HEAD", answer: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"4000"}}, vary: true},
		"not asked for":                {request: http.Header{"Accept-Encoding": {"identity"}}, answer: http.Header{"Content-Type": {"text/plain"}}, vary: true},
		"refused":                      {request: http.Header{"Accept-Encoding": {"gzip;q=0, br;q=0.0, zstd;q=0"}}, answer: http.Header{"Content-Type": {"text/plain"}}, vary: true},
		"too short":                    {answer: http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"255"}}},
	} {
		t.Run(name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				body := text
				if n, err := strconv.Atoi(c.answer.Get("Content-Length")); err == nil {
					body = text[:n]
				}
				p := compressed()
				if name == "gRPC-Web" {
					p.Compression.Types = gatelodge.MediaTypes{"*"}
				}
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
					for name, values := range c.answer {
						w.Header()[name] = values
					}
					w.Header().Set("ETag", `"v1"`)
					if c.status != 0 {
						w.WriteHeader(c.status)
					}
					_, _ = io.WriteString(w, body)
				})), policy(p))
				method, want := "GET", body
				if c.method != "" {
					method, want = c.method, ""
				}
				r := newRequest(t, method, m.url(appHost, "/"), nil)
				r.Header.Set("Accept-Encoding", "gzip, br, zstd, *")
				for name, values := range c.request {
					r.Header[name] = values
				}
				answer := do(t, g.client(m), r)
				if answer.body != want || answer.Header.Get("Content-Encoding") != c.answer.Get("Content-Encoding") || answer.Header.Get("ETag") != `"v1"` {
					t.Errorf("got %d bytes, %v", len(answer.body), answer.Header)
				}
				if varies := answer.Header.Get("Vary") == "Accept-Encoding"; varies != c.vary {
					t.Errorf("Vary: %q", answer.Header["Vary"])
				}
			}, h1, h2)
		})
	}
}

// TestCompressionOfBodilessAnswers: they stay as they are, and a 304 for an entity
// tag that was weakened has the weak one.
func TestCompressionOfBodilessAnswers(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("ETag", `"v1"`)
			status, _ := strconv.Atoi(r.URL.Path[1:])
			w.WriteHeader(status)
		})), policy(compressed()))
		for _, c := range []struct {
			path, asked, tag string
		}{{"/204", "", `"v1"`}, {"/304", `"v1"`, `"v1"`}, {"/304", `"v0", W/"v1"`, `W/"v1"`}} {
			r := newRequest(t, "GET", m.url(appHost, c.path), nil)
			r.Header.Set("Accept-Encoding", "gzip")
			r.Header.Set("If-None-Match", c.asked)
			if answer := do(t, g.client(m), r); answer.Header.Get("ETag") != c.tag || answer.Header.Get("Content-Encoding") != "" || answer.body != "" {
				t.Errorf("%s for %s: %v", c.path, c.asked, answer.Header)
			}
		}
	})
}

// TestCompressedStream: what an endpoint has sent and waits after can be read at
// once, in every coding.
func TestCompressedStream(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		next := make(chan string)
		compression := compressed()
		compression.Compression.Types = gatelodge.MediaTypes{"text/event-stream"}
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			for event := range next {
				_, _ = io.WriteString(w, event)
				w.(http.Flusher).Flush()
				if event == "data: last\n\n" {
					return
				}
			}
		})), policy(compression))
		for _, coding := range []string{"gzip", "br", "zstd"} {
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			r.Header.Set("Accept-Encoding", coding)
			response, err := g.client(m).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			var events *bufio.Reader
			for _, event := range []string{"data: first\n\n", "data: " + longText(50_000) + "\n\n", "data: last\n\n"} {
				next <- event
				if events == nil { // a reader of gzip begins with its head
					events = bufio.NewReader(decoding(t, coding, response.Body))
				}
				got := make([]byte, len(event))
				if _, err := io.ReadFull(events, got); err != nil || string(got) != event {
					t.Fatalf("in %s: %q, %v", coding, got, err)
				}
			}
			if _, err := events.ReadByte(); err != io.EOF {
				t.Errorf("in %s: after the end: %v", coding, err)
			}
			response.Body.Close()
		}
		close(next)
	})
}

// TestCompressedTrailers come after the whole body.
func TestCompressedTrailers(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		text := longText(5000)
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, text)
			w.Header().Set("X-Sum", "42")
		})), policy(compressed()))
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		r.Header.Set("Accept-Encoding", "br")
		answer := do(t, g.client(m), r)
		if got := decode(t, "br", strings.NewReader(answer.body)); got != text || answer.Trailer.Get("X-Sum") != "42" {
			t.Errorf("got %d bytes and %v", len(got), answer.Trailer)
		}
	})
}

// TestCompressionForHTTP10: the end of the connection ends the body.
func TestCompressionForHTTP10(t *testing.T) {
	text := longText(40_000)
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, text)
	})), policy(compressed()))
	conn, err := net.Dial("tcp", g.address(h1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET / HTTP/1.0\r\nHost: %s\r\nConnection: keep-alive\r\nAccept-Encoding: gzip\r\n\r\n", appHost)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.TransferEncoding != nil || !response.Close || decode(t, response.Header.Get("Content-Encoding"), response.Body) != text {
		t.Errorf("got %v", response)
	}
}

// TestCompressionForCurl asks as people do, for every coding that this curl knows.
func TestCompressionForCurl(t *testing.T) {
	text := longText(100_000)
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, text)
		})), policy(compressed()))
		if _, err := exec.LookPath("curl"); err != nil {
			t.Skip("curl is not on this machine: ", err)
		}
		version := "--http1.1"
		if m == h2c {
			version = "--http2-prior-knowledge"
		}
		host, port, _ := net.SplitHostPort(g.address(m))
		for _, ask := range [][]string{{"--compressed"}, {"--compressed", "-H", "Accept-Encoding: gzip"}} {
			args := append([]string{"-q", "--noproxy", "*", "-sS", "--fail", version, "--connect-to", "::" + host + ":" + port}, ask...)
			got, err := exec.Command("curl", append(args, m.url(appHost, "/"))...).Output()
			if err != nil || string(got) != text {
				t.Errorf("%v: got %d bytes, %v", ask, len(got), err)
			}
		}
		if g.metric("gatelodge_http_compressed_total", "coding", "gzip") < 1 {
			t.Error("nothing was compressed by gzip")
		}
	}, h1, h2c)
}

// TestCompressionWithoutMemory: the answer is sent as it is.
func TestCompressionWithoutMemory(t *testing.T) {
	text := longText(5000)
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, text)
	})), policy(compressed()), settings(func(s *gatelodge.Settings) { s.Compression.Memory = 1 << 20 }))
	r := newRequest(t, "GET", h1.url(appHost, "/"), nil)
	r.Header.Set("Accept-Encoding", "gzip")
	answer := do(t, g.client(h1), r)
	if answer.body != text || answer.Header.Get("Content-Encoding") != "" || answer.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("got %d bytes, %v", len(answer.body), answer.Header)
	}
	if n := g.metric("gatelodge_http_compressed_total", "coding", "none"); n != 1 {
		t.Errorf("%v were not compressed for want of memory", n)
	}
}

// TestCompressionOfARetry: the answer that is passed on is compressed, whatever came
// before it.
func TestCompressionOfARetry(t *testing.T) {
	text := longText(5000)
	backend := func(status int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	p := compressed()
	p.Retries = &gatelodge.RetryRules{On: gatelodge.DefaultRetries | gatelodge.Retry503}
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, backend(503)), backendServer(t, gatelodge.BackendHTTP, backend(200))), policy(p))
	for range 8 {
		r := newRequest(t, "GET", h1.url(appHost, "/"), nil)
		r.Header.Set("Accept-Encoding", "zstd")
		answer := do(t, g.client(h1), r)
		if answer.StatusCode != 200 || decode(t, "zstd", strings.NewReader(answer.body)) != text {
			t.Fatalf("got %d", answer.StatusCode)
		}
	}
	if used := g.server.encoders.Memory(); used != 0 {
		t.Errorf("%d bytes of encoders are still taken", used)
	}
}

// TestCompressionIsAborted: an answer that the endpoint breaks off is not made to
// look complete, and a client that leaves takes its encoder along.
func TestCompressionIsAborted(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, longText(50_000))
			w.(http.Flusher).Flush()
			if r.URL.Path == "/broken" {
				panic(http.ErrAbortHandler)
			}
			for r.Context().Err() == nil { // until the gateway hangs up
				_, _ = io.WriteString(w, longText(50_000))
			}
		})), policy(compressed("gzip")))
		for _, path := range []string{"/broken", "/endless"} {
			r := newRequest(t, "GET", m.url(appHost, path), nil)
			r.Header.Set("Accept-Encoding", "gzip")
			response, err := g.client(m).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			unzipped, err := gzip.NewReader(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if path == "/broken" {
				if text, err := io.ReadAll(unzipped); err == nil || len(text) == 0 {
					t.Errorf("%d bytes look complete", len(text))
				}
			} else if _, err := io.ReadFull(unzipped, make([]byte, 100_000)); err != nil {
				t.Error(err)
			}
			response.Body.Close()
		}
		eventually(t, "the encoders are given back", func() bool { return g.server.encoders.Memory() == 0 })
	})
}

// TestManyCompressedAnswers at once, of different routes, with snapshots changing:
// none gets a byte of another.
func TestManyCompressedAnswers(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, strings.Repeat(r.URL.Path+" ", 3000))
	})), policy(compressed()))
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
				level := *s.Settings
				level.Compression.Gzip = 1 + level.Compression.Gzip%9
				next.Settings = &level
				g.live.Swap(&next)
			}
		}
	})
	var clients sync.WaitGroup
	for i := range 8 {
		m := allModes[i%len(allModes)]
		clients.Go(func() {
			client := g.client(m)
			for j := range 30 {
				coding := []string{"gzip", "br", "zstd"}[j%3]
				path := fmt.Sprintf("/%d/%d", i, j)
				r := newRequest(t, "GET", m.url(appHost, path), nil)
				r.Header.Set("Accept-Encoding", coding)
				response, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if got := decode(t, response.Header.Get("Content-Encoding"), bytes.NewReader(body)); err != nil || got != strings.Repeat(path+" ", 3000) {
					t.Errorf("%s: %d other bytes, %v", path, len(got), err)
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	swaps.Wait()
}

package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

var protocols = []gatelodge.BackendProtocol{gatelodge.BackendHTTP, gatelodge.BackendH2C}

// everywhere runs a test for each protocol of backends in each mode.
func everywhere(t *testing.T, test func(t *testing.T, m mode, p gatelodge.BackendProtocol)) {
	for _, p := range protocols {
		t.Run("to_"+string(p), func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) { test(t, m, p) })
		})
	}
}

func TestTrailersOfTheResponse(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Announced")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("X-Announced", "1")
			w.Header().Set(http.TrailerPrefix+"X-Unannounced", "2")
		})))
		answer := g.get(m, "/")
		if answer.Trailer.Get("X-Announced") != "1" || answer.Trailer.Get("X-Unannounced") != "2" {
			t.Errorf("got %v", answer.Trailer)
		}
		if _, announced := answer.Header["X-Announced"]; announced {
			t.Errorf("a trailer among the header: %v", answer.Header)
		}
	})
}

func TestTrailersOfTheRequest(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for name, values := range r.Trailer {
				if len(values) > 0 {
					fmt.Fprintln(w, name, values)
				}
			}
		})))
		r := newRequest(t, "POST", m.url(appHost, "/"), io.MultiReader(strings.NewReader("body")))
		r.Trailer = http.Header{
			"X-Sum": {"42"},
			// A backend that takes them for fields of the head would be deceived.
			"X-Forwarded-For": {"192.0.2.9"}, "X_real_ip": {"192.0.2.9"},
		}
		if !m.http2() { // where net/http refuses to hear it
			r.Trailer["Authorization"] = []string{"Basic cm9vdDpyb290"}
		}
		if got := do(t, g.client(m), r).body; got != "X-Sum [42]\n" {
			t.Errorf("the backend got %q", got)
		}
	})
}

func TestEarlyHints(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.Header().Del("Link")
			_, _ = io.WriteString(w, "done")
		})))
		var hints []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		}}
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		answer := do(t, g.client(m), r.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
		if len(hints) != 1 || hints[0] != "103</style.css>; rel=preload" || answer.Header.Get("Link") != "" {
			t.Errorf("got hints %v, then %v", hints, answer.Header)
		}
	})
}

// TestContinue: a client with "Expect: 100-continue" is asked for its body if the
// backend asks for it, and not if it refuses.
func TestContinue(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/refuse" {
				w.WriteHeader(403)
				return
			}
			_, _ = io.Copy(w, r.Body)
		})))
		for path, want := range map[string]int{"/take": 200, "/refuse": 403} {
			var asked bool
			var answer answerOf
			// An endpoint that refuses only after its time has the body asked for: then this
			// machine was too slow.
			eventually(t, path+" is told from the other", func() bool {
				asked = false
				trace := &httptrace.ClientTrace{Got100Continue: func() { asked = true }}
				r := newRequest(t, "POST", m.url(appHost, path), strings.NewReader("hello"))
				r.Header.Set("Expect", "100-continue")
				answer = do(t, g.client(m), r.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
				return asked == (want == 200)
			})
			if answer.StatusCode != want || asked != (want == 200) {
				t.Errorf("%s: got %d, the body was asked for: %v", path, answer.StatusCode, asked)
			}
			if want == 200 && answer.body != "hello" {
				t.Errorf("got %q", answer.body)
			}
		}
	})
}

func TestResponsesWithoutBody(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/none":
				w.WriteHeader(204)
			case "/same":
				w.Header().Set("Etag", `"1"`)
				w.WriteHeader(304)
			case "/empty":
			case "/stream":
				w.(http.Flusher).Flush()
				_, _ = io.WriteString(w, "x")
			default:
				w.Header().Set("Content-Length", "1234")
				_, _ = w.Write(make([]byte, 1234))
			}
		})))
		client := g.client(m) // one connection: each answer must end where it should
		for _, c := range []struct {
			method, path string
			status       int
			length       int64
		}{
			{"HEAD", "/", 200, 1234},
			{"GET", "/none", 204, 0},
			{"GET", "/same", 304, 0},
			{"HEAD", "/none", 204, 0},
			{"GET", "/empty", 200, 0},
			{"HEAD", "/stream", 200, -1},
			{"GET", "/", 200, 1234},
		} {
			answer := do(t, client, newRequest(t, c.method, m.url(appHost, c.path), nil))
			if answer.StatusCode != c.status || answer.ContentLength != c.length && c.status == 200 {
				t.Errorf("%s %s: got %d of %d bytes, want %d of %d", c.method, c.path, answer.StatusCode, answer.ContentLength, c.status, c.length)
			}
		}
	})
}

// TestFullDuplex: each message is answered before the next is sent.
func TestFullDuplex(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			if r.ProtoMajor == 1 {
				_ = control.EnableFullDuplex()
			}
			w.WriteHeader(200)
			_ = control.Flush()
			buffer := make([]byte, 64)
			for {
				n, err := r.Body.Read(buffer)
				_, _ = w.Write(buffer[:n])
				_ = control.Flush()
				if err != nil {
					return
				}
			}
		})))
		out, in := pipe(t)
		answer, err := g.client(m).Do(newRequest(t, "POST", m.url(appHost, "/"), out))
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		buffer := make([]byte, 64)
		for i := range 20 {
			message := fmt.Sprintf("message %d", i)
			if _, err := io.WriteString(in, message); err != nil {
				t.Fatal(err)
			}
			n, err := io.ReadFull(answer.Body, buffer[:len(message)])
			if err != nil || string(buffer[:n]) != message {
				t.Fatalf("got %q, %v", buffer[:n], err)
			}
		}
		_ = in.Close()
		if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) != 0 {
			t.Errorf("got %q, %v at the end", rest, err)
		}
	})
}

func TestBigBodies(t *testing.T) {
	const size = 8 << 20
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content)
	want := fmt.Sprintf("%x", sha256.Sum256(content))
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			sum := sha256.New()
			n, _ := io.Copy(sum, r.Body)
			w.Header().Set("X-Sum", fmt.Sprintf("%x", sum.Sum(nil)))
			w.Header().Set("X-Length", fmt.Sprint(n, r.ContentLength))
			_, _ = w.Write(content)
		})))
		for name, body := range map[string]io.Reader{"known": bytes.NewReader(content), "unknown": io.MultiReader(bytes.NewReader(content))} {
			answer := do(t, g.client(m), newRequest(t, "POST", m.url(appHost, "/"), body))
			length := map[string]int{"known": size, "unknown": -1}[name]
			if got := answer.Header.Get("X-Sum"); got != want || answer.Header.Get("X-Length") != fmt.Sprint(size, length) {
				t.Errorf("%s length: the backend got %s of %s", name, got, answer.Header.Get("X-Length"))
			}
			if got := fmt.Sprintf("%x", sha256.Sum256([]byte(answer.body))); got != want {
				t.Errorf("%s length: the client got %d bytes of another content", name, len(answer.body))
			}
		}
	})
}

// TestEarlyResponse: a backend responds while the client is still sending.
func TestEarlyResponse(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor == 1 {
				_ = http.NewResponseController(w).EnableFullDuplex()
			}
			w.WriteHeader(409)
			_, _ = io.WriteString(w, "enough")
		})))
		out, _ := pipe(t)
		answer := do(t, g.client(m), newRequest(t, "POST", m.url(appHost, "/"), out))
		if answer.StatusCode != 409 || answer.body != "enough" {
			t.Errorf("got %d %q", answer.StatusCode, answer.body)
		}
	})
}

// TestUnreadBody: after an answer of our own, which reads no body, the connection
// serves the next request.
func TestUnreadBody(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t)
		conn, err := net.Dial("tcp", g.address(m))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		reader := bufio.NewReader(conn)
		for _, body := range []string{
			"Content-Length: 4\r\n\r\nbody",
			"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
			"X-None: 1\r\n\r\n",
		} {
			head, rest, _ := strings.Cut(body, "\r\n\r\n")
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: nobody.example.com\r\n%s\r\n\r\n", head)
			if _, err := io.WriteString(conn, rest); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			if answer.StatusCode != 404 || answer.Close {
				t.Fatalf("got %d, closed %v", answer.StatusCode, answer.Close)
			}
		}
	}, h1)
}

func TestBodyLimit(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 1000 {
				t.Errorf("the backend is asked to take %d bytes", r.ContentLength)
			}
			_, _ = io.Copy(io.Discard, r.Body)
		})), settings(func(s *gatelodge.Settings) { s.Limits.BodyBytes = 1000 }))
		for size, want := range map[int]int{1000: 200, 1001: 413} {
			for _, body := range []io.Reader{bytes.NewReader(make([]byte, size)), io.MultiReader(bytes.NewReader(make([]byte, size)))} {
				if got := do(t, g.client(m), newRequest(t, "POST", m.url(appHost, "/"), body)).StatusCode; got != want {
					t.Errorf("%d bytes: got %d, want %d", size, got, want)
				}
			}
		}
	})
}

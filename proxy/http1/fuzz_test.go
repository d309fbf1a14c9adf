package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

// The fuzz tests compare with net/http: net/http reads everything that this package
// accepts in the same way. It may accept more.

func FuzzRequestHead(f *testing.F) {
	for _, seed := range []string{
		"GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST http://a/ HTTP/1.1\r\nhost: A\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: [::1]:8\r\nTransfer-Encoding: chunked\r\nConnection: X, te\r\nX: 1\r\nTE: trailers\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
		"\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n z\r\n\r\n",
	} {
		f.Add([]byte(seed), uint8(0))
	}
	f.Fuzz(compareRequests)
}

func FuzzChunkedBody(f *testing.F) {
	for _, seed := range []string{"0\r\n\r\n", "3\r\nabc\r\n0\r\nX: y\r\n\r\n", "A;b=c\r\n0123456789\r\n00\r\n\r\n", "3 \r\nabc\n0\r\n\r\n", "1\na\n0\n\n"} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, split uint8) {
		compareRequests(t, append([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), body...), split)
	})
}

func FuzzResponseHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
		"HTTP/1.1 103\r\nLink: x\r\n\r\nHTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nConnection: x\r\nX: 1\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nuntil the end",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
	} {
		f.Add([]byte(seed), "GET", uint8(0))
	}
	f.Fuzz(compareResponses)
}

// message is a request or a response, as either side understood it.
type message struct {
	start    string // method, target and host; or status
	header   exchange.Fields
	body     string
	trailers exchange.Fields
}

func compareRequests(t *testing.T, input []byte, split uint8) {
	var got []message
	s := &http1.Server{Settings: always(settings()), Handler: func(ex *exchange.Exchange) error {
		body, err := io.ReadAll(ex.Body)
		if err != nil {
			return err
		}
		got = append(got, message{
			start:    strings.Join([]string{ex.Method, ex.Authority, ex.Path + ex.Query}, " "),
			header:   cloned(ex.Header),
			body:     string(body),
			trailers: cloned(ex.Body.Trailers()),
		})
		return ex.Response.Head(200, nil, 0)
	}}
	s.ServeConn(t.Context(), newMemory(input, split), &exchange.Conn{})

	r := bufio.NewReader(bytes.NewReader(input))
	for _, ours := range got {
		if line, _ := r.Peek(2); string(line) == "\r\n" {
			r.Discard(2)
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			if ours.header.Has("trailer") {
				return // net/http minds what it announces
			}
			t.Fatalf("net/http refuses what was read as %+v: %v", ours, err)
		}
		body, err := io.ReadAll(req.Body)
		target := req.RequestURI
		if req.URL.IsAbs() { // compared in origin form
			target = target[strings.Index(target, "://")+3:]
			if i := strings.IndexAny(target, "/?"); i < 0 {
				target = "/"
			} else if target = target[i:]; target[0] == '?' {
				target = "/" + target
			}
		}
		if start := strings.Join([]string{req.Method, req.Host, target}, " "); start != ours.start || string(body) != ours.body || err != nil {
			t.Fatalf("net/http reads %q %q (%v), we %q %q", start, body, err, ours.start, ours.body)
		}
		compareFields(t, ours.header, req.Header)
		compareFields(t, ours.trailers, req.Trailer)
	}
}

func compareResponses(t *testing.T, input []byte, method string, split uint8) {
	if method != "HEAD" {
		method = "GET"
	}
	client := http1.NewClient(netip.AddrPort{}, http1.Options{
		Settings: always(settings()),
		Dial:     func(context.Context, netip.AddrPort) (net.Conn, error) { return newMemory(input, split), nil },
	})
	defer client.Close()
	ours := &trailerRecorder{}
	if err := client.Do(&exchange.Exchange{Context: t.Context(), Method: method, Authority: "a", Path: "/", Response: ours}); err != nil {
		return
	}
	r := bufio.NewReader(bytes.NewReader(input))
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			if blankBeforeColon.Match(input) {
				return // which net/http refuses; TestLenientAnswers has it
			}
			if ours.header.Has("trailer") {
				return // net/http minds what it announces
			}
			t.Fatalf("net/http refuses what was read as %d %v: %v", ours.status, ours.header, err)
		}
		if res.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if res.StatusCode != ours.status || string(body) != ours.body.String() || err != nil {
			t.Fatalf("net/http reads %d %q (%v), we %d %q", res.StatusCode, body, err, ours.status, ours.body.String())
		}
		compareFields(t, ours.header, res.Header)
		compareFields(t, ours.trailers, res.Trailer)
		return
	}
}

// compareFields fails unless each of our fields has the same values there.
func compareFields(t *testing.T, ours exchange.Fields, theirs http.Header) {
	t.Helper()
	for _, f := range ours {
		var values []string
		for _, other := range ours {
			if other.Name == f.Name {
				values = append(values, other.Value)
			}
		}
		switch f.Name {
		case "trailer": // net/http takes it out
		case "te": // only its "trailers" is passed on
		default:
			if got := theirs[textproto.CanonicalMIMEHeaderKey(f.Name)]; !slices.Equal(got, values) {
				t.Fatalf("net/http reads %q as %q, we as %q", f.Name, got, values)
			}
		}
	}
}

func cloned(fields exchange.Fields) (out exchange.Fields) {
	for _, f := range fields {
		out.Add(strings.Clone(f.Name), strings.Clone(f.Value))
	}
	return out
}

type trailerRecorder struct {
	recorder
	trailers exchange.Fields
}

func (r *trailerRecorder) Trailers(trailers exchange.Fields) error {
	r.trailers = cloned(trailers)
	return nil
}

// memory is a connection whose reads return given bytes in parts of a given size,
// and that accepts all writes.
type memory struct {
	net.Conn
	in   *bytes.Reader
	size int
}

func newMemory(in []byte, split uint8) *memory {
	size := int(split)
	if size == 0 {
		size = len(in) + 1
	}
	return &memory{in: bytes.NewReader(in), size: size}
}

func (m *memory) Read(p []byte) (int, error)       { return m.in.Read(p[:min(len(p), m.size)]) }
func (m *memory) Write(p []byte) (int, error)      { return len(p), nil }
func (m *memory) Close() error                     { return nil }
func (m *memory) SetReadDeadline(time.Time) error  { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }

var blankBeforeColon = regexp.MustCompile(`[ \t]:`)

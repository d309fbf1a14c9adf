package http1_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

func TestGatewayForwards(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 64<<10)
	addr := gateway(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("backend: %v", err)
		}
		w.Header().Set("X-Method", r.Method)
		w.Header().Set("X-Target", r.RequestURI)
		w.Header().Set("X-Host", r.Host)
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
		switch r.URL.Path {
		case "/nothing":
			w.WriteHeader(204)
		case "/unmodified":
			w.WriteHeader(304)
		case "/stream":
			for len(body) > 0 {
				n := min(len(body), 10000)
				w.Write(body[:n])
				w.(http.Flusher).Flush()
				body = body[n:]
			}
		case "/big":
			w.Header().Set("Content-Length", fmt.Sprint(len(big)))
			io.WriteString(w, big)
		default:
			w.Write(body)
		}
	}))
	for _, c := range []struct {
		name, method, target string
		body                 io.Reader
		status               int
		want, length         string
	}{
		{"a GET", "GET", "/a?b=c", nil, 200, "", "0"},
		{"a path stays as it was sent", "GET", "/a%2Fb//c/./%41?x=%zz&", nil, 200, "", "0"},
		{"a POST without a body", "POST", "/", nil, 200, "", "0"},
		{"a small body", "POST", "/", strings.NewReader("hello"), 200, "hello", "5"},
		{"a body of unknown length", "POST", "/", io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo")), 200, "hello", "-1"},
		{"a large body", "PUT", "/", strings.NewReader(big), 200, big, fmt.Sprint(len(big))},
		{"a large body both ways in chunks", "PUT", "/stream", io.MultiReader(strings.NewReader(big)), 200, big, "-1"},
		{"a large answer", "GET", "/big", nil, 200, big, "0"},
		{"a HEAD", "HEAD", "/big", nil, 200, "", "0"},
		{"a 204", "GET", "/nothing", nil, 204, "", "0"},
		{"a 304", "GET", "/unmodified", nil, 304, "", "0"},
		{"a method of one's own", "PURGE", "/", nil, 200, "", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequest(c.method, "http://"+addr+"/", c.body)
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = c.target
			req.Host = "app.example.test"
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got, err := io.ReadAll(res.Body)
			if err != nil || string(got) != c.want || res.StatusCode != c.status {
				t.Errorf("got %d with %d bytes (%v), want %d with %d", res.StatusCode, len(got), err, c.status, len(c.want))
			}
			for name, want := range map[string]string{"X-Method": c.method, "X-Target": c.target, "X-Host": "app.example.test", "X-Length": c.length} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("the backend saw %s %q, want %q", name, got, want)
				}
			}
			if c.method == "HEAD" && res.ContentLength != int64(len(big)) {
				t.Errorf("Content-Length %d to a HEAD, want that of the GET", res.ContentLength)
			}
		})
	}
}

func TestBackendSeesOnlyWhatIsForIt(t *testing.T) {
	heads := make(chan string, 1)
	addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
		heads <- readHead(r)
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x-mine, close\r\nKeep-Alive: 5\r\nX-Mine: 1\r\nX-Kept: 1\r\n\r\n")
	}))
	p := dial(t, addr)
	p.send("GET /x HTTP/1.1\r\nhOST: a.example\r\nConnection: X-Drop, keep-alive\r\nx-drop: 1\r\nKeep-Alive: 300\r\n" +
		"Proxy-Connection: x\r\nTE: trailers, gzip;q=1\r\nUpgrade: h2c\r\naccept-LANGUAGE:de\r\nX-Empty:\r\n\r\n")
	want := "GET /x HTTP/1.1\r\nHost: a.example\r\naccept-LANGUAGE: de\r\nX-Empty: \r\nTE: trailers\r\nConnection: TE\r\n\r\n"
	if got := <-heads; got != want {
		t.Errorf("the backend got\n%q, want\n%q", got, want)
	}
	res, _ := p.response("GET")
	if res.Header.Get("X-Mine") != "" || res.Header.Get("X-Kept") != "1" || res.Header.Get("Keep-Alive") != "" || res.Close {
		t.Errorf("the client got %v, want only X-Kept", res.Header)
	}
	if res.Header.Get("Date") == "" {
		t.Error("no Date was added to an answer without one")
	}
}

func TestTrailersBothWays(t *testing.T) {
	addr := gateway(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "got "+r.Trailer.Get("X-Up"))
	}))
	req, _ := http.NewRequest("POST", "http://"+addr, io.MultiReader(strings.NewReader("x")))
	req.Trailer = http.Header{"X-Up": {"up"}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	if got := res.Trailer.Get("X-Sum"); got != "got up" {
		t.Errorf("trailer %q, want that of the request and back", got)
	}
}

func TestInterimResponsesArePassedOn(t *testing.T) {
	addr := gateway(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(103)
		body, _ := io.ReadAll(r.Body) // which sends 100
		w.Write(body)
	}))
	var hints []string
	continued := 0
	req, _ := http.NewRequest("POST", "http://"+addr, strings.NewReader("hello"))
	req.Header.Set("Expect", "100-continue")
	transport := &http.Transport{ExpectContinueTimeout: patience}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		},
		Got100Continue: func() { continued++ },
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "hello" {
		t.Errorf("got %q back", body)
	}
	if len(hints) != 2 || hints[0] != "103</style.css>; rel=preload" || continued != 1 {
		t.Errorf("got %q and %d times 100, want a 103 and one 100", hints, continued)
	}
}

func TestExpectationIsRelayed(t *testing.T) {
	t.Run("a backend that refuses never gets the body", func(t *testing.T) {
		addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			if head := readHead(r); !strings.Contains(head, "\r\nExpect: 100-continue\r\n") {
				t.Errorf("the backend got %q", head)
			}
			io.WriteString(nc, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
			if rest, _ := io.ReadAll(r); len(rest) > 0 {
				t.Errorf("the backend got %q after its refusal", rest)
			}
		}))
		p, res, body := (*peer)(nil), (*http.Response)(nil), ""
		// A refusal that comes after its time finds the client asked for the body: then this
		// machine was too slow.
		for try := 0; try < 20 && (res == nil || res.StatusCode == 100); try++ {
			p = dial(t, addr)
			p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
			res, body = p.response("POST")
		}
		if res.StatusCode != 403 || body != "no" || !res.Close {
			t.Errorf("got %d %q, close %v, want 403 and the connection to close", res.StatusCode, body, res.Close)
		}
		p.ended()
	})
	t.Run("a backend that says nothing gets the body after a while", func(t *testing.T) {
		addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			var body [5]byte
			io.ReadFull(r, body[:])
			fmt.Fprintf(nc, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%s", body)
		}))
		p := dial(t, addr)
		p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		p.expect("HTTP/1.1 100 Continue\r\n\r\n")
		p.send("hello")
		if res, body := p.response("POST"); res.StatusCode != 200 || body != "hello" || res.Close {
			t.Errorf("got %d %q", res.StatusCode, body)
		}
	})
}

// TestFullDuplex: each part of the response arrives before the next part of the
// request is sent.
func TestFullDuplex(t *testing.T) {
	addr := gateway(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		buf := make([]byte, 100)
		for {
			n, err := r.Body.Read(buf)
			w.Write(buf[:n])
			http.NewResponseController(w).Flush()
			if err != nil {
				return
			}
		}
	}))
	r, w := io.Pipe()
	req, _ := http.NewRequest("POST", "http://"+addr, r)
	go io.WriteString(w, "ping 0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	buf := make([]byte, 6)
	for i := range 10 {
		if i > 0 {
			fmt.Fprintf(w, "ping %d", i)
		}
		if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != fmt.Sprintf("ping %d", i) {
			t.Fatalf("got %q (%v), want ping %d", buf, err, i)
		}
	}
	w.Close()
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q (%v) at the end", rest, err)
	}
}

// TestEarlyAnswer: a backend may respond without reading the body, and the client
// gets the response before it has sent all of it.
func TestEarlyAnswer(t *testing.T) {
	addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
		readHead(r)
		io.WriteString(nc, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!")
	}))
	t.Run("the rest of the body comes and the connection goes on", func(t *testing.T) {
		p := dial(t, addr)
		for range 3 {
			p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
			if res, body := p.response("POST"); res.StatusCode != 413 || body != "no!" {
				t.Fatalf("got %d %q", res.StatusCode, body)
			}
			p.send("56789")
		}
	})
	t.Run("a client that goes on forever is cut off", func(t *testing.T) {
		p := dial(t, addr)
		p.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		if res, body := p.response("POST"); res.StatusCode != 413 || body != "no!" {
			t.Fatalf("got %d %q", res.StatusCode, body)
		}
		chunk := "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n"
		var err error
		for range 1000 {
			if _, err = io.WriteString(p.Conn, chunk); err != nil {
				break
			}
		}
		if err == nil {
			t.Error("32 MB of an unwanted body were taken")
		}
	})
}

func TestCloseDelimitedAnswers(t *testing.T) {
	answers := map[string]string{
		"/http11": "HTTP/1.1 200 OK\r\n\r\nall of it",
		"/http10": "HTTP/1.0 200 OK\r\n\r\nall of it",
		"/close":  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nall of it",
	}
	addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
		_, rest, _ := strings.Cut(readHead(r), " ")
		path, _, _ := strings.Cut(rest, " ")
		io.WriteString(nc, answers[path])
	}))
	for path := range answers {
		t.Run(path, func(t *testing.T) {
			p := dial(t, addr)
			for range 2 { // the client's connection outlives the backend's
				p.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n")
				if res, body := p.response("GET"); body != "all of it" || res.Close {
					t.Errorf("got %q, close %v", body, res.Close)
				}
			}
		})
	}
}

func TestHTTP10Clients(t *testing.T) {
	addr := gateway(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			w.(http.Flusher).Flush()
		}
		io.WriteString(w, "hello")
	}))
	t.Run("the connection closes", func(t *testing.T) {
		p := dial(t, addr)
		p.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
		if _, body := p.response("GET"); body != "hello" {
			t.Errorf("got %q", body)
		}
		p.ended()
	})
	t.Run("unless it asks", func(t *testing.T) {
		p := dial(t, addr)
		for range 2 {
			p.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n")
			if res, body := p.response("GET"); body != "hello" || res.Header.Get("Connection") != "keep-alive" {
				t.Errorf("got %v %q", res.Header, body)
			}
		}
	})
	t.Run("it gets no chunks", func(t *testing.T) {
		p := dial(t, addr)
		p.send("GET /stream HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n")
		all, err := io.ReadAll(p.r)
		head, body, _ := strings.Cut(string(all), "\r\n\r\n")
		if err != nil || body != "hello" || strings.Contains(head, "chunked") {
			t.Errorf("got %q (%v)", all, err)
		}
	})
}

func TestPipeliningKeepsOrder(t *testing.T) {
	addr := gateway(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.URL.Path, body)
	}))
	p := dial(t, addr)
	var all bytes.Buffer
	for i := range 100 {
		switch i % 3 {
		case 0:
			fmt.Fprintf(&all, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i)
		case 1:
			fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok", i)
		case 2:
			fmt.Fprintf(&all, "\r\nPOST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nX-Trailer: 1\r\n\r\n", i)
		}
	}
	go p.Write(all.Bytes())
	for i := range 100 {
		want := fmt.Sprintf("/%d ", i)
		if i%3 > 0 {
			want += "ok"
		}
		if _, body := p.response("GET"); body != want {
			t.Fatalf("answer %d is %q, want %q", i, body, want)
		}
	}
}

// TestSplitRequests: nothing that another engine accepts becomes two requests to a
// backend.
func TestSplitRequestsAreNotWritten(t *testing.T) {
	good := func() *exchange.Exchange {
		return &exchange.Exchange{Context: t.Context(), Method: "GET", Authority: "a", Path: "/", Response: &recorder{}}
	}
	client := newClient(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/good" {
			t.Errorf("the backend got %s %q", r.Method, r.RequestURI)
		}
	}), settings())
	for name, spoil := range map[string]func(*exchange.Exchange){
		"method":      func(ex *exchange.Exchange) { ex.Method = "GET / HTTP/1.1\r\nX:" },
		"path":        func(ex *exchange.Exchange) { ex.Path = "/ HTTP/1.1\r\nX: y" },
		"no path":     func(ex *exchange.Exchange) { ex.Path = "" },
		"query":       func(ex *exchange.Exchange) { ex.Query = "? x" },
		"authority":   func(ex *exchange.Exchange) { ex.Authority = "a\r\nX: y" },
		"field name":  func(ex *exchange.Exchange) { ex.Header.Add("x: y\r\nz", "") },
		"field value": func(ex *exchange.Exchange) { ex.Header.Add("x", "y\r\nz: 1") },
		"bare LF":     func(ex *exchange.Exchange) { ex.Header.Add("x", "y\nz: 1") },
		"upgrade":     func(ex *exchange.Exchange) { ex.Upgrade = "x\r\n" },
	} {
		t.Run(name, func(t *testing.T) {
			ex := good()
			spoil(ex)
			if err := client.Do(ex); err == nil || errors.Is(err, exchange.ErrBackend) || errors.Is(err, exchange.ErrClient) {
				t.Errorf("got error %v, want one that says the request can't be written", err)
			}
		})
	}
	ex := good()
	ex.Path = "/good"
	if err := client.Do(ex); err != nil {
		t.Error(err)
	}
}

// TestHandlersFields: a field that a handler adds can't split the response either.
func TestSplitAnswersAreNotWritten(t *testing.T) {
	addr := serve(t, &http1.Server{Handler: func(ex *exchange.Exchange) error {
		return ex.Response.Head(200, exchange.Fields{{Name: "location", Value: "/\r\nSet-Cookie: x"}}, 0)
	}})
	p := dial(t, addr)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, _ := p.response("GET"); res.StatusCode != 500 || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("got %d %v, want 500", res.StatusCode, res.Header)
	}
}

// recorder is a Response for requests without a connection.
type recorder struct {
	status int
	header exchange.Fields
	body   bytes.Buffer
}

func (r *recorder) Interim(int, exchange.Fields) error { return nil }
func (r *recorder) Head(status int, header exchange.Fields, _ int64) error {
	r.status = status
	for _, f := range header {
		r.header.Add(strings.Clone(f.Name), strings.Clone(f.Value))
	}
	return nil
}
func (r *recorder) Write(p []byte) (int, error)    { return r.body.Write(p) }
func (r *recorder) Flush() error                   { return nil }
func (r *recorder) Trailers(exchange.Fields) error { return nil }
func (r *recorder) Tunnel(string, exchange.Fields) (exchange.Tunnel, error) {
	return nil, errors.New("no tunnel here")
}

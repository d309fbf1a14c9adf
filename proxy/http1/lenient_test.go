package http1_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestLenientAnswers: what real servers send, and every reader understands alike,
// is taken, and passed on as it should have been. The same in a request is refused
// (TestMalformedRequests).
func TestLenientAnswers(t *testing.T) {
	many := ""
	for i := range 3000 {
		many += "X-" + strconv.Itoa(i) + ": y\r\n"
	}
	for _, c := range []struct{ name, answer, field, want, body string }{
		{"blanks after the size of a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n3\t\r\nyes\r\n0 \r\n\r\n", "", "", "okyes"},
		{"blanks before a chunk extension", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 ;a=b\r\nok\r\n0\r\n\r\n", "", "", "ok"},
		{"a blank before the colon", "HTTP/1.1 200 OK\r\nX-Kept : a\r\nContent-Length : 2\r\n\r\nok", "X-Kept", "a", "ok"},
		{"a tab before the colon of the coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding\t: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "", "", "ok"},
		{"thousands of fields", "HTTP/1.1 200 OK\r\n" + many + "Content-Length: 2\r\n\r\nok", "X-2999", "y", "ok"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
				for readHead(r) != "" {
					_, _ = io.WriteString(nc, c.answer)
				}
			}))
			p := dial(t, addr)
			for range 2 { // the connection is as good as before
				p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				res, body := p.response("GET")
				if res.StatusCode != 200 || body != c.body || c.field != "" && res.Header.Get(c.field) != c.want {
					t.Fatalf("got %d %q with %q", res.StatusCode, body, res.Header.Get(c.field))
				}
			}
		})
	}
}

// TestUpgradeWithBody: the tunnel begins behind the body, whatever its framing and
// however it comes, as "docker exec" has it.
func TestUpgradeWithBody(t *testing.T) {
	for name, request := range map[string][]string{
		"with the head":    {"Content-Length: 5\r\n\r\nhello", "early\n"},
		"later":            {"Content-Length: 5\r\n\r\n", "hel", "lo", "early\n"},
		"in chunks":        {"Transfer-Encoding: chunked\r\n\r\n", "2\r\nhe\r\n", "3\r\nllo\r\n0\r\n\r\nearly\n"},
		"along with all":   {"Content-Length: 5\r\n\r\nhelloearly\n"},
		"asked for by 100": {"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "helloearly\n"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				if req.Header.Get("Expect") != "" {
					_, _ = io.WriteString(nc, "HTTP/1.1 100 Continue\r\n\r\n")
				}
				// The switch comes while the body is still on its way.
				_, _ = io.WriteString(nc, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
				body, err := io.ReadAll(req.Body)
				if err != nil || string(body) != "hello" || req.Header.Get("Upgrade") != "tcp" {
					t.Errorf("the backend got %q, %v, Upgrade: %q", body, err, req.Header.Get("Upgrade"))
				}
				for {
					line, err := r.ReadString('\n')
					_, _ = io.WriteString(nc, strings.ToUpper(line))
					if err != nil {
						return
					}
				}
			}))
			p := dial(t, addr)
			p.send("POST /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" + request[0])
			if strings.HasPrefix(request[0], "Expect") {
				p.expect("HTTP/1.1 100 Continue\r\n\r\n")
			}
			for _, part := range request[1:] {
				p.send(part)
			}
			res, err := http.ReadResponse(p.r, nil)
			if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "tcp" {
				t.Fatalf("got %v, %v", res, err)
			}
			p.expect("EARLY\n")
			p.send("ping\n")
			p.expect("PING\n")
		})
	}
}

// TestSpellingOfNames: over HTTP/1.1 names arrive as they were written, both ways.
func TestSpellingOfNames(t *testing.T) {
	const odd = "sEc-WebSocket-KEY: 1\r\nsoapaction: 2\r\nSOAPAction: 3\r\nX: 4\r\nETag: 5\r\nWWW-Authenticate: 6\r\nDNT: 7\r\n"
	long := strings.Repeat("Ab", 40) + ": 8\r\n" // longer than a spelling is kept
	got := make(chan string, 1)
	addr := gateway(t, script(t, func(nc net.Conn, r *bufio.Reader) {
		got <- readHead(r)
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\n"+odd+"tRailer: eTag\r\nTransfer-Encoding: chunked\r\n\r\n0\r\neTag: x\r\n\r\n")
	}))
	p := dial(t, addr)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n" + odd + long + "\r\n")
	if head := <-got; !strings.Contains(head, "\r\n"+odd) || !strings.Contains(strings.ToLower(head), strings.ToLower(long)) {
		t.Errorf("the backend got\n%s", head)
	}
	var answer strings.Builder
	for !strings.HasSuffix(answer.String(), "0\r\neTag: x\r\n\r\n") {
		line, err := p.r.ReadString('\n')
		answer.WriteString(line)
		if err != nil {
			break
		}
	}
	if !strings.Contains(answer.String(), odd+"tRailer: eTag\r\n") || !strings.HasSuffix(answer.String(), "0\r\neTag: x\r\n\r\n") {
		t.Errorf("the client got\n%s", answer.String())
	}
}

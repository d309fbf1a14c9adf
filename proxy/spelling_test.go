package proxy

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestFieldNamesReachStrictBackends: names arrive as a client of HTTP/1.1 wrote
// them, and as they are registered from HTTP/2, which has no upper case.
func TestFieldNamesReachStrictBackends(t *testing.T) {
	names := []string{"Sec-WebSocket-Key", "SOAPAction", "DNT", "ETag", "WWW-Authenticate", "Content-MD5", "X-Plain-Name"}
	inModes(t, func(t *testing.T, m mode) {
		heads := make(chan string, 1)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			var head strings.Builder
			for in := bufio.NewReader(c); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
				line, err := in.ReadString('\n')
				if err != nil {
					break
				}
				head.WriteString(line)
			}
			heads <- head.String()
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}()
		g := start(t, app(gatelodge.BackendHTTP, addrPort(l.Addr())))
		r := newRequest(t, "GET", m.url(appHost, "/"), nil)
		for _, name := range names {
			r.Header[name] = []string{"x"} // as it stands, where the protocol can say it
		}
		if m == h1 {
			r.Header["x-ODD"] = []string{"x"}
		}
		if got := do(t, g.client(m), r); got.StatusCode != 200 {
			t.Fatalf("got %d", got.StatusCode)
		}
		head := <-heads
		for _, name := range append(names, "X-Forwarded-For", "X-Request-ID", "X-Real-IP") {
			if !strings.Contains(head, "\r\n"+name+": ") {
				t.Errorf("%s is not spelled so in\n%s", name, head)
			}
		}
		if m == h1 && !strings.Contains(head, "\r\nx-ODD: x\r\n") {
			t.Errorf("x-ODD is not spelled so in\n%s", head)
		}
	})
}

package proxy

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestLimitsFollowTheSnapshot: a changed configuration needs no restart.
func TestLimitsFollowTheSnapshot(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		build := app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok))
		g := start(t, build)
		client := g.client(m)
		ask := func() int {
			r := newRequest(t, "POST", m.url(appHost, "/"), strings.NewReader("some body"))
			for i := range 20 {
				r.Header.Set(fmt.Sprint("X-", i), "1")
			}
			return do(t, client, r).StatusCode
		}
		for _, c := range []struct {
			headers   int
			bodyBytes int64
			want      int
		}{{128, 0, 200}, {10, 0, 431}, {128, 5, 413}, {128, 100, 200}} {
			s := plainSnapshot()
			build(s)
			s.Settings.Limits.Headers, s.Settings.Limits.BodyBytes = c.headers, c.bodyBytes
			g.live.Swap(s)
			if got := ask(); got != c.want {
				t.Errorf("%d fields and %d bytes allowed: got %d, want %d", c.headers, c.bodyBytes, got, c.want)
			}
		}
	})
}

// TestTargets: requests with invalid targets don't reach the backend.
func TestTargets(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, echoFields)))
	for target, want := range map[string]string{
		"GET /a%00b":                          "400",
		"GET /a\\b":                           "400",
		"GET /a/..%2fb":                       "400",
		"GET /a#b":                            "400",
		"OPTIONS *":                           "400",
		"CONNECT app.example.com:443":         "501",
		"GET http://app.example.com/x/../y?z": "GET /y?z",
	} {
		c, err := net.Dial("tcp", g.address(h1))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, appHost)
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		got := fmt.Sprint(response.StatusCode)
		if got == "200" {
			line, _ := bufio.NewReader(response.Body).ReadString('\n')
			got = strings.TrimSuffix(strings.TrimSpace(line), " "+appHost)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
		_ = c.Close()
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	g := start(t)
	for want, l := range map[string]gatelodge.Listener{
		"expected HTTP or HTTPS": {Name: "x", Protocol: gatelodge.DNS, Address: "127.0.0.1:0"},
		"opened after Serve":     {Name: "x", Protocol: gatelodge.HTTP, Address: "127.0.0.1:0"},
	} {
		eventually(t, "Serve is under way", func() bool {
			g.server.mu.Lock()
			defer g.server.mu.Unlock()
			return g.server.serving
		})
		if err := g.server.Listen(l); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "listener x") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/miekg/dns"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatelodge.dev/e2e/undertest"
)

// startDemo runs the demo, and trusts the CA that it printed.
func startDemo(t *testing.T) *undertest.Gateway {
	t.Helper()
	g := undertest.Start(t, "demo")
	g.Await("the guide", func() error {
		if !strings.Contains(g.Stdout.String(), "/metrics\n") {
			return fmt.Errorf("printed so far: %q", g.Stdout.String())
		}
		return nil
	})
	match := regexp.MustCompile(`--cacert (/\S+\.pem) `).FindStringSubmatch(g.Stdout.String())
	if match == nil {
		t.Fatalf("no CA file is printed:\n%s", g.Stdout.String())
	}
	pem, err := os.ReadFile(match[1])
	if err != nil {
		t.Fatal(err)
	}
	g.Roots = x509.NewCertPool()
	if !g.Roots.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", match[1])
	}
	return g
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func TestDemo(t *testing.T) {
	g := startDemo(t)

	t.Run("an Ingress is a live HTTPS host", func(t *testing.T) {
		status, body, err := g.Get("https://echo.shop.pke.example.com/some/path")
		if err != nil || status != http.StatusOK || !strings.Contains(body, "GET /some/path") {
			t.Errorf("%d %v\n%s", status, err, body)
		}
	})
	t.Run("HTTP redirects to the public HTTPS port", func(t *testing.T) {
		response, err := g.Client().Get("http://echo.shop.pke.example.com/any/path?x=1")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		want := "https://echo.shop.pke.example.com:" + port(g.HTTPS) + "/any/path?x=1"
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusPermanentRedirect || got != want {
			t.Errorf("%d to %q, want 308 to %q", response.StatusCode, got, want)
		}
	})
	t.Run("its name is answered", func(t *testing.T) {
		for _, network := range []string{"udp", "tcp"} {
			answer, err := g.Query(network, "echo.shop.pke.example.com", dns.TypeA)
			if err != nil || answer.Rcode != dns.RcodeSuccess || !answer.Authoritative || len(answer.Answer) != 1 ||
				answer.Answer[0].(*dns.A).A.String() != "127.0.0.1" {
				t.Errorf("%s: %v\n%v", network, err, answer)
			}
		}
	})
	t.Run("the zone has SOA, NS and negative answers", func(t *testing.T) {
		for _, c := range []struct {
			name    string
			qtype   uint16
			rcode   int
			answers int
		}{
			{"pke.example.com", dns.TypeSOA, dns.RcodeSuccess, 1},
			{"pke.example.com", dns.TypeNS, dns.RcodeSuccess, 2},
			{"ns1.pke.example.com", dns.TypeA, dns.RcodeSuccess, 1},
			{"wiki.pke.example.com", dns.TypeCNAME, dns.RcodeSuccess, 1},
			{"branch-7.preview.shop.pke.example.com", dns.TypeA, dns.RcodeSuccess, 1},
			{"echo.shop.pke.example.com", dns.TypeAAAA, dns.RcodeSuccess, 0},
			{"shop.pke.example.com", dns.TypeA, dns.RcodeSuccess, 0},
			{"nobody.pke.example.com", dns.TypeA, dns.RcodeNameError, 0},
			{"example.org", dns.TypeA, dns.RcodeRefused, 0},
		} {
			answer, err := g.Query("udp", c.name, c.qtype)
			if err != nil || answer.Rcode != c.rcode || len(answer.Answer) != c.answers {
				t.Errorf("%s %s: %v\n%v", c.name, dns.TypeToString[c.qtype], err, answer)
			}
		}
	})
	t.Run("every name below a wildcard is a host", func(t *testing.T) {
		if status, body, err := g.Get("https://branch-7.preview.shop.pke.example.com/"); status != http.StatusOK {
			t.Errorf("%d %v %s", status, err, body)
		}
		if status, _, _ := g.Get("http://a.b.preview.shop.pke.example.com/"); status != http.StatusNotFound {
			t.Errorf("two labels below it: %d, want 404", status)
		}
	})
	t.Run("basic auth", func(t *testing.T) {
		request, _ := http.NewRequest("GET", "https://report.marketing.pke.example.com/", nil)
		for _, c := range []struct {
			user, password string
			status         int
		}{{"", "", 401}, {"demo", "wrong", 401}, {"demo", "demo", 200}} {
			request.SetBasicAuth(c.user, c.password)
			response, err := g.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != c.status {
				t.Errorf("%q: %d, want %d", c.user, response.StatusCode, c.status)
			}
		}
	})
	t.Run("slow, failing and dead backends", func(t *testing.T) {
		for path, want := range map[string]int{"/slow": 200, "/fail": 500, "/down": 502, "/downer": 200} {
			if status, body, err := g.Get("https://lab.marketing.pke.example.com" + path); status != want {
				t.Errorf("%s: %d %v %s, want %d", path, status, err, body, want)
			}
		}
	})
	t.Run("WebSocket echo", func(t *testing.T) {
		dialer := websocket.Dialer{
			NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, g.HTTPS)
			},
			TLSClientConfig: &tls.Config{RootCAs: g.Roots},
		}
		conn, _, err := dialer.Dial("wss://chat.shop.pke.example.com/echo", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, message := range []string{"hello", strings.Repeat("x", 1<<17)} {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
				t.Fatal(err)
			}
			if _, echo, err := conn.ReadMessage(); err != nil || string(echo) != message {
				t.Fatalf("%d bytes came back, %v; want %d", len(echo), err, len(message))
			}
		}
	})
	t.Run("gRPC calls", func(t *testing.T) { grpcCalls(t, g) })
	t.Run("the admin endpoint says what is served", func(t *testing.T) {
		for path, want := range map[string]string{
			"/":                                  "/api/zones/ZONE/VIEW",
			"/healthz":                           "ok",
			"/snapshot":                          "host echo.shop.pke.example.com owner=shop",
			"/metrics":                           "gatelodge_http_requests_total{",
			"/api/status":                        `"ready": true`,
			"/api/hosts":                         `"name": "echo.shop.pke.example.com"`,
			"/api/problems":                      `"object": "Ingress shop/basket `,
			"/dashboard/hosts":                   "echo.shop.pke.example.com",
			"/api/zones":                         `"zone": "pke.example.com"`,
			"/api/zones/pke.example.com/default": "SOA",
		} {
			status, body, err := g.Get("http://" + g.Admin + path)
			if err != nil || status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: %d %v, without %q:\n%.2000s", path, status, err, want, body)
			}
		}
	})
}

func grpcCalls(t *testing.T, g *undertest.Gateway) {
	conn, err := grpc.NewClient("passthrough:///grpc.shop.pke.example.com",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", g.HTTPS)
		}),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: g.Roots})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	var answer wrapperspb.StringValue
	if err := conn.Invoke(ctx, "/gatelodge.demo.Echo/Say", wrapperspb.String("hello"), &answer); err != nil || answer.Value != "hello" {
		t.Errorf("Say: %q, %v", answer.Value, err)
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/gatelodge.demo.Echo/Talk")
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"one", "two", "three"} {
		if err := stream.SendMsg(wrapperspb.String(message)); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(&answer); err != nil || answer.Value != message {
			t.Fatalf("Talk: %q, %v; want %q", answer.Value, err, message)
		}
	}
}

// TestDemoLinesWorkAsPrinted runs the lines of the demo's guide through a
// shell, those whose programs are on this machine.
func TestDemoLinesWorkAsPrinted(t *testing.T) {
	g := startDemo(t)
	wants := []struct{ part, want string }{ // the first that fits a line counts
		{" explain ", "do: create the Service or the port, or correct its name in the rule"},
		{"https://basket.shop", "HTTP/2 503"},
		{"curl -i --connect-to", "308 Permanent Redirect"},
		{"--user demo:demo", "echo backend"},
		{"marketing.pke.example.com:" + port(g.HTTPS) + "/slow", "two seconds"},
		{"marketing.pke.example.com:" + port(g.HTTPS) + "/fail", "always fails"},
		{"marketing.pke.example.com:" + port(g.HTTPS) + "/down", "502"},
		{"x-canary: always", "two seconds"},
		{"openssl s_client", "hello"},
		{"Echo/Say", "hello"},
		{"/snapshot", "host echo.shop.pke.example.com"},
		{"/metrics", "gatelodge_build_info"},
		{" SOA", "hostmaster.example.com."},
		{" A", "127.0.0.1"},
		{"https://", "echo backend"},
	}
	ran := 0
	for line := range strings.Lines(g.Stdout.String()) {
		command, isCommand := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "  ")
		if !isCommand || strings.HasPrefix(command, "chromium") {
			continue // a browser is for people
		}
		if strings.HasPrefix(command, "http://") { // and so is this page
			if status, body, err := g.Get(command); status != http.StatusOK || !strings.Contains(body, "basket.shop.pke.example.com") {
				t.Errorf("%s: %d %v\n%.1000s", command, status, err, body)
			}
			continue
		}
		if missing := missingPrograms(command); missing != "" {
			t.Logf("not run, as %s is not on this machine: %s", missing, command)
			continue
		}
		want := ""
		for _, w := range wants {
			if strings.Contains(command, w.part) {
				want = w.want
				break
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		shell := exec.CommandContext(ctx, "bash", "-c", command)
		var out, progress bytes.Buffer // of curl, which would stand in the middle of a line
		shell.Stdout, shell.Stderr = &out, &progress
		err := shell.Run()
		cancel()
		out.Write(progress.Bytes())
		if strings.Contains(command, " explain ") {
			if status := shell.ProcessState.ExitCode(); status != 1 {
				t.Errorf("%s: status %d, want 1: something is wrong", command, status)
			}
			err = nil
		}
		if want == "" || err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s\n%v, without %q:\n%.1000s", command, err, want, out.String())
		}
		ran++
	}
	if ran == 0 {
		t.Skip("neither curl nor dig nor openssl is on this machine")
	}
}

// missingPrograms names a program of the command that is not installed.
func missingPrograms(command string) string {
	for _, program := range []string{"curl", "dig", "openssl"} {
		if strings.Contains(command, program+" ") {
			if _, err := exec.LookPath(program); err != nil {
				return program
			}
		}
	}
	return ""
}

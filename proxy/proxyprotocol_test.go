package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

const (
	v2TCP4 = proxySignature + "\x21\x11\x00\x0c" + "\xc0\x00\x02\x01" + "\xc6\x33\x64\x01" + "\xc7\x38\x01\xbb"
	v2TCP6 = proxySignature + "\x21\x21\x00\x24" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\xc7\x38\x01\xbb"
)

var lonePeer = netip.MustParseAddrPort("10.0.0.1:1000")

func TestProxyHeaders(t *testing.T) {
	for _, c := range []struct {
		name, header string
		client       string // "": that of the connection; "refused"
	}{
		{"1: IPv4", "PROXY TCP4 192.0.2.1 198.51.100.1 51000 443\r\n", "192.0.2.1:51000"},
		{"1: IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 51000 443\r\n", "[2001:db8::1]:51000"},
		{"1: IPv4 in IPv6", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 51000 443\r\n", "192.0.2.1:51000"},
		{"1: unknown", "PROXY UNKNOWN\r\n", ""},
		{"1: unknown with addresses", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""},
		{"1: the longest", "PROXY UNKNOWN " + strings.Repeat("x", maxProxyLine-16) + "\r\n", ""},
		{"1: too long", "PROXY UNKNOWN " + strings.Repeat("x", maxProxyLine-15) + "\r\n", "refused"},
		{"1: an address of the other family", "PROXY TCP4 2001:db8::1 198.51.100.1 1 2\r\n", "refused"},
		{"1: a server's address that is none", "PROXY TCP4 192.0.2.1 server 1 2\r\n", "refused"},
		{"1: a zone", "PROXY TCP6 fe80::1%eth0 2001:db8::2 1 2\r\n", "refused"},
		{"1: a port that is too high", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n", "refused"},
		{"1: a port with a leading zero", "PROXY TCP4 192.0.2.1 198.51.100.1 051 2\r\n", "refused"},
		{"1: two spaces", "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n", "refused"},
		{"1: a word too many", "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", "refused"},
		{"1: another protocol", "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", "refused"},
		{"1: small letters", "proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n", "refused"},
		{"1: no CR", "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n", "refused"},
		{"1: nothing but its name", "PROXY \r\n\r\n\r\n\r\n", "refused"},
		{"2: IPv4", v2TCP4, "192.0.2.1:51000"},
		{"2: IPv6", v2TCP6, "[2001:db8::1]:51000"},
		{"2: extensions are skipped", strings.Replace(v2TCP4, "\x00\x0c", "\x00\x10", 1) + "\x04\x00\x01x", "192.0.2.1:51000"},
		{"2: the peer itself", proxySignature + "\x20\x00\x00\x00", ""},
		{"2: the peer itself, with addresses", strings.Replace(v2TCP4, "\x21\x11", "\x20\x11", 1), ""},
		{"2: a family that is not told", proxySignature + "\x21\x00\x00\x03abc", ""},
		{"2: UDP", strings.Replace(v2TCP4, "\x21\x11", "\x21\x12", 1), ""},
		{"2: version 3", strings.Replace(v2TCP4, "\x21\x11", "\x31\x11", 1), "refused"},
		{"2: a command that does not exist", strings.Replace(v2TCP4, "\x21\x11", "\x22\x11", 1), "refused"},
		{"2: a family that does not exist", strings.Replace(v2TCP4, "\x21\x11", "\x21\x41", 1), "refused"},
		{"2: too short for its family", strings.Replace(v2TCP4, "\x00\x0c", "\x00\x0b", 1), "refused"},
		{"2: too long", proxySignature + "\x21\x00\xff\xff" + strings.Repeat("x", 1<<16), "refused"},
		{"cut short", "PROXY TCP4 192.0.2.1 198", "refused"},
		{"a request", "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n", "refused"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03random", "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := strings.NewReader(c.header + "next")
			if c.name == "cut short" {
				r = strings.NewReader(c.header)
			}
			client, err := readProxyHeader(r, lonePeer)
			switch {
			case c.client == "refused":
				if err == nil {
					t.Errorf("taken, client %v", client)
				}
				return
			case err != nil:
				t.Fatal(err)
			case c.client == "" && client != lonePeer || c.client != "" && client.String() != c.client:
				t.Errorf("got client %v, want %q", client, c.client)
			}
			if rest, _ := io.ReadAll(r); string(rest) != "next" {
				t.Errorf("%q is left on the connection, want what follows the header", rest)
			}
		})
	}
}

// FuzzProxyHeader: the reader reads no more than a header may have, and a client
// that it returns is read again from a header made for it.
func FuzzProxyHeader(f *testing.F) {
	for _, seed := range []string{
		"PROXY TCP4 192.0.2.1 198.51.100.1 51000 443\r\nGET / HTTP/1.1\r\n", "PROXY TCP6 2001:db8::1 ::2 1 2\r\n", "PROXY UNKNOWN\r\n", v2TCP4, v2TCP6,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		r := strings.NewReader(sent)
		client, err := readProxyHeader(r, lonePeer)
		took := len(sent) - r.Len()
		if took > len(proxySignature)+4+maxProxyExtras {
			t.Fatalf("took %d bytes", took)
		}
		if err != nil || client == lonePeer {
			return
		}
		if !client.IsValid() || client.Addr().Is4In6() || client.Addr().Zone() != "" {
			t.Fatalf("client %v", client)
		}
		if again, err := readProxyHeader(strings.NewReader(sent[:took]), lonePeer); err != nil || again != client {
			t.Fatalf("its %d bytes alone: %v, %v; with what follows: %v", took, again, err, client)
		}
	})
}

// TestProxyProtocol: with every protocol, the client is the one in a trusted
// peer's header.
func TestProxyProtocol(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		for header, want := range map[string]string{
			"PROXY TCP4 192.0.2.1 198.51.100.1 51000 443\r\n": "192.0.2.1",
			"PROXY UNKNOWN\r\n": "127.0.0.1",
			v2TCP6:              "2001:db8::1",
		} {
			g := start(t, trustProxies("127.0.0.0/8"), app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, r.Header.Get("X-Forwarded-For"))
			})))
			client := g.client(m)
			client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, g.address(m))
				if err == nil {
					_, err = io.WriteString(c, header)
				}
				return c, err
			}
			for range 2 { // the second request has no header before it
				r := newRequest(t, "GET", m.url(appHost, "/"), nil)
				if answer := do(t, client, r); answer.StatusCode != 200 || answer.body != want {
					t.Errorf("%q: the backend received %q, status %d; want %q", header, answer.body, answer.StatusCode, want)
				}
			}
			if line := g.lines(1)[0]; line["client"] != want {
				t.Errorf("%q: logged %v, want %q", header, line["client"], want)
			}
		}
	})
}

// TestProxyProtocolTrust: trusted peers have to send a header; from others it is an
// invalid request.
func TestProxyProtocolTrust(t *testing.T) {
	const header = "PROXY TCP4 192.0.2.1 198.51.100.1 51000 443\r\n"
	const request = "GET / HTTP/1.1\r\nHost: " + appHost + "\r\nConnection: close\r\n\r\n"
	for _, c := range []struct {
		name, trusted, sent, want string
	}{
		{"a header of an untrusted peer", "10.0.0.0/8", header + request, "HTTP/1.1 400 "},
		{"a request of an untrusted peer", "10.0.0.0/8", request, "HTTP/1.1 200 "},
		{"a binary header of an untrusted peer", "10.0.0.0/8", v2TCP4 + request, "HTTP/1.1 400 "},
		{"a request without a header", "127.0.0.0/8", request, ""},
		{"two headers", "127.0.0.0/8", header + header + request, "HTTP/1.1 400 "},
		{"half a header", "127.0.0.0/8", "PROXY TCP4", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, trustProxies(c.trusted), app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), settings(func(s *gatelodge.Settings) {
				if c.want == "" {
					s.Timeouts.Header = 100 * time.Millisecond // what ends half a header
				}
			}))
			conn, err := net.Dial("tcp", g.address(h1))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(2 * patience))
			_, _ = io.WriteString(conn, c.sent)
			got, _ := io.ReadAll(conn) // it may be reset: bytes that nobody read are in it
			if c.want == "" && len(got) > 0 || !strings.HasPrefix(string(got), c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			eventually(t, "the connection is given up", func() bool {
				return g.metric("gatelodge_http_open_connections", "listener", "http") == 0
			})
		})
	}
}

func trustProxies(network string) func(*gatelodge.Snapshot) {
	return settings(func(s *gatelodge.Settings) {
		s.Trust.ProxyProtocol = []netip.Prefix{netip.MustParsePrefix(network)}
	})
}

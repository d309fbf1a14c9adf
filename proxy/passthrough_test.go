package proxy

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

const passedHost = "passed.example.com"

// tlsEcho is a backend with a certificate of its own that sends back what it gets.
func tlsEcho(t *testing.T, name string) netip.AddrPort {
	t.Helper()
	certificate, _ := backendTLS(t, name, time.Now().Add(time.Hour))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*certificate}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
				_ = c.(*tls.Conn).CloseWrite()
			}()
		}
	}()
	return netip.MustParseAddrPort(listener.Addr().String())
}

// passing adds a host whose connections are passed on to the addresses.
func passing(name gatelodge.Name, addresses ...netip.AddrPort) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) {
		key := "shop/" + strings.Trim(string(name), "*.") + ":443"
		h := host1(name, route1("/", key))
		h.Passthrough = h.Routes[0]
		addHosts(s, h)
		addBackends(s, backend1(key, gatelodge.BackendHTTP, addresses...))
	}
}

// dialPassed makes a TLS connection for a host, and says who answered.
func (g *gateway) dialPassed(host string) (c *tls.Conn, by string, err error) {
	g.t.Helper()
	raw, err := net.Dial("tcp", g.address(h1tls))
	if err != nil {
		return nil, "", err
	}
	g.t.Cleanup(func() { raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(2 * patience))
	c = tls.Client(raw, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		return nil, "", err
	}
	return c, strings.Join(c.ConnectionState().PeerCertificates[0].DNSNames, ","), nil
}

// TestPassthrough: connections for a host reach its backend as they are, while those
// for other hosts end at the gateway on the same port.
func TestPassthrough(t *testing.T) {
	backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "app") })
	g := start(t, app(gatelodge.BackendHTTP, backend),
		passing(passedHost, proxytest.DeadAddress(t), tlsEcho(t, "own.example.net")), passing("*.wild.example.com", tlsEcho(t, "wild.example.net")))
	for range 4 { // each endpoint has its turn, and one is dead
		c, by, err := g.dialPassed("Passed.Example.com")
		if err != nil || by != "own.example.net" {
			t.Fatalf("the certificate is for %q, %v", by, err)
		}
		sent := make([]byte, 3<<20)
		rand.Read(sent)
		go func() {
			_, _ = c.Write(sent)
			_ = c.CloseWrite()
		}()
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("of %d octets %d came back, %v", len(sent), len(got), err)
		}
	}
	if _, by, err := g.dialPassed("a.wild.example.com"); err != nil || by != "wild.example.net" {
		t.Errorf("the certificate for a name of a wildcard is for %q, %v", by, err)
	}
	for _, m := range []mode{h1tls, h2} {
		if a := g.get(m, "/"); a.StatusCode != 200 || a.body != "app" {
			t.Errorf("%s: another host answers %d %q", m, a.StatusCode, a.body)
		}
	}
}

// TestPassthroughKeepsOut: requests for the host that come another way do not reach
// its backend.
func TestPassthroughKeepsOut(t *testing.T) {
	g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, func(http.ResponseWriter, *http.Request) {})),
		passing(passedHost, tlsEcho(t, "own.example.net")))
	inModes(t, func(t *testing.T, m mode) {
		client := g.client(m)
		if transport := client.Transport.(*http.Transport); m.tls() {
			transport.TLSClientConfig.ServerName = appHost // as browsers reuse connections whose certificate has both names
		}
		answer := do(t, client, newRequest(t, "GET", m.url(passedHost, "/x?y"), nil))
		want, location := http.StatusPermanentRedirect, "https://"+passedHost+"/x?y"
		if m.tls() {
			want, location = http.StatusMisdirectedRequest, ""
		}
		if answer.StatusCode != want || answer.Header.Get("Location") != location {
			t.Errorf("answered %d, Location %q; want %d, %q", answer.StatusCode, answer.Header.Get("Location"), want, location)
		}
	})
}

// TestPassthroughOfOne: of a route's policy the lists of addresses hold, and a
// protection that can't be kept lets no connection through.
func TestPassthroughOfOne(t *testing.T) {
	loopback := gatelodge.NetworksOf(netip.MustParsePrefix("127.0.0.0/8"))
	other := gatelodge.NetworksOf(netip.MustParsePrefix("192.0.2.0/24"))
	echo := tlsEcho(t, "own.example.net")
	for name, c := range map[string]struct {
		policy gatelodge.Policy
		passes bool
	}{
		"let in by address":      {gatelodge.Policy{AllowFrom: loopback, DenyFrom: other}, true},
		"another address let in": {gatelodge.Policy{AllowFrom: other}, false},
		"kept out by address":    {gatelodge.Policy{DenyFrom: loopback}, false},
		"unavailable":            {gatelodge.Policy{Unavailable: "its users are not known"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, passing(passedHost, echo), func(s *gatelodge.Snapshot) { onlyHost(s).Routes[0].Policy = &c.policy })
			if _, _, err := g.dialPassed(passedHost); (err == nil) != c.passes {
				t.Errorf("the handshake ends with %v", err)
			}
		})
	}
}

// TestPassthroughHellos: however the ClientHello arrives, it reaches the backend, and
// what is not one is refused.
func TestPassthroughHellos(t *testing.T) {
	g := start(t, passing(passedHost, tlsEcho(t, "own.example.net")))
	t.Run("octet by octet", func(t *testing.T) {
		raw, err := net.Dial("tcp", g.address(h1tls))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		c := tls.Client(slowly{raw}, &tls.Config{ServerName: passedHost, InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil || c.ConnectionState().PeerCertificates[0].DNSNames[0] != "own.example.net" {
			t.Errorf("the handshake ends with %v", err)
		}
	})
	t.Run("without a name", func(t *testing.T) {
		raw, err := net.Dial("tcp", g.address(h1tls))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil || c.ConnectionState().PeerCertificates[0].DNSNames[0] == "own.example.net" {
			t.Errorf("the handshake ends with %v, and shows the backend's certificate or none", err)
		}
	})
	t.Run("HTTP in clear text", func(t *testing.T) {
		raw, err := net.Dial("tcp", g.address(h1tls))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(2 * patience))
		io.WriteString(raw, "GET / HTTP/1.1\r\nHost: "+passedHost+"\r\n\r\n")
		if got, err := io.ReadAll(raw); bytes.Contains(got, []byte("HTTP/")) || errors.Is(err, net.ErrClosed) {
			t.Errorf("answered %q, %v", got, err)
		}
	})
}

// slowly writes octets one by one, each in a packet of its own.
type slowly struct{ net.Conn }

func (s slowly) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// TestPassthroughThroughSwaps: a connection that is passed on stays while snapshots
// change, even to one without its host, and a drain ends it after its time.
func TestPassthroughThroughSwaps(t *testing.T) {
	g := start(t, passing(passedHost, tlsEcho(t, "own.example.net")),
		settings(func(s *gatelodge.Settings) { s.Drain.Tunnels = 50 * time.Millisecond }))
	c, _, err := g.dialPassed(passedHost)
	if err != nil {
		t.Fatal(err)
	}
	said := func(text string) error {
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		got := make([]byte, len(text))
		_, err := io.ReadFull(c, got)
		return err
	}
	if err := said("before"); err != nil {
		t.Fatal(err)
	}
	without := plainSnapshot()
	without.Settings.Drain.Tunnels = 50 * time.Millisecond
	g.live.Swap(without)
	if err := said("after"); err != nil {
		t.Errorf("after a swap: %v", err)
	}
	if _, by, err := g.dialPassed(passedHost); err == nil && by == "own.example.net" {
		t.Error("a host that is gone is passed on still")
	}
	if err := g.drain(); err == nil || !strings.Contains(err.Error(), "1 tunnels aborted") {
		t.Errorf("the drain ends with %v", err)
	}
	if err := said("drained"); err == nil {
		t.Error("the connection has outlived the drain")
	}
}

// TestPassthroughOfHTTP2: the backend chooses the protocol.
func TestPassthroughOfHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	g := start(t, passing(passedHost, netip.MustParseAddrPort(server.Listener.Addr().String())))
	client := g.client(h2)
	client.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify = true
	if a := do(t, client, newRequest(t, "GET", "https://"+passedHost+"/", nil)); a.body != "HTTP/2.0" {
		t.Errorf("the backend was spoken to in %s", a.body)
	}
}

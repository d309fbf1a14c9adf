package dnsserve

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// framed is messages as a stream carries them.
func framed(messages ...[]byte) (stream []byte) {
	for _, m := range messages {
		stream = append(binary.BigEndian.AppendUint16(stream, uint16(len(m))), m...)
	}
	return stream
}

// startTCP serves the example zone with these limits on loopback.
func startTCP(t *testing.T, change func(*tcpServer)) (*tcpServer, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := exampleZone(t)
	s := newTCPServer(l, overTCP, func() *responder { return testResponder(z) }, slog.New(slog.DiscardHandler))
	change(s)
	ended := make(chan error, 1)
	go func() { ended <- s.serve() }()
	t.Cleanup(func() {
		s.close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// readReplies reads n replies from the stream and checks their order.
func readReplies(t *testing.T, c io.Reader, n int) {
	t.Helper()
	in := bufio.NewReader(c)
	for i := range n {
		message, err := readMessage(in, nil)
		if err != nil {
			t.Fatalf("reply %d of %d: %v", i, n, err)
		}
		var m dns.Msg
		if err := m.Unpack(message); err != nil {
			t.Fatal(err)
		}
		if int(m.Id) != i || len(m.Answer) != 1 {
			t.Fatalf("reply %d: %v", i, m)
		}
	}
}

func numberedQuery(t *testing.T, id int) []byte {
	return plainQuery(t, "www.example.", dns.TypeA, func(m *dns.Msg) { m.Id = uint16(id) })
}

// TestPipelining: queries that don't wait for replies are all answered (RFC
// 7766 §6.2.1.1), and so are those that come in crumbs.
func TestPipelining(t *testing.T) {
	_, address := startTCP(t, func(*tcpServer) {})
	const n = 500
	var all []byte
	for i := range n {
		all = append(all, framed(numberedQuery(t, i))...)
	}
	c := dial(t, address)
	go c.Write(all)
	readReplies(t, c, n)

	crumbs := dial(t, address)
	for _, octet := range framed(numberedQuery(t, 0)) {
		if _, err := crumbs.Write([]byte{octet}); err != nil {
			t.Fatal(err)
		}
	}
	readReplies(t, crumbs, 1)

	// A reply does not wait for the rest of the next query.
	halves := dial(t, address)
	two := framed(numberedQuery(t, 0), numberedQuery(t, 0))
	if _, err := halves.Write(two[:len(two)-5]); err != nil {
		t.Fatal(err)
	}
	readReplies(t, halves, 1)

	// What is no query ends the connection, after the replies that are due.
	mixed := dial(t, address)
	if _, err := mixed.Write(framed(numberedQuery(t, 0), numberedQuery(t, 1), []byte("no query"))); err != nil {
		t.Fatal(err)
	}
	readReplies(t, mixed, 2)
	if _, err := mixed.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end of the connection", err)
	}
}

// TestIdleConnectionsEnd, whether nothing comes or only a part of a query.
func TestIdleConnectionsEnd(t *testing.T) {
	_, address := startTCP(t, func(s *tcpServer) { s.idle = 50 * time.Millisecond })
	for _, sent := range [][]byte{nil, {0}, framed(numberedQuery(t, 0))[:9]} {
		c := dial(t, address)
		if _, err := c.Write(sent); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("after %d octets: %v, want the end of the connection", len(sent), err)
		}
	}
}

// TestSlowReadersEnd: a client that takes no replies does not hold a
// connection for ever.
func TestSlowReadersEnd(t *testing.T) {
	s, address := startTCP(t, func(s *tcpServer) { s.write = 50 * time.Millisecond })
	c := dial(t, address)
	query := framed(numberedQuery(t, 0))
	for {
		if _, err := c.Write(query); err != nil {
			break // the server has ended it
		}
	}
	waitFor(t, "the connection to be forgotten", func() bool { return s.open() == 0 })
}

// TestConnectionsAreCapped: past the cap, the connection that has been silent
// for longest makes room, and one that is busy stays.
func TestConnectionsAreCapped(t *testing.T) {
	s, address := startTCP(t, func(s *tcpServer) { s.most = 3 })
	busy := dial(t, address)
	var silent []net.Conn
	for i := range 5 {
		silent = append(silent, dial(t, address))
		if i < 2 {
			waitFor(t, "the connection to be accepted", func() bool { return s.open() == i+2 })
		} else if _, err := silent[i-2].Read(make([]byte, 1)); err == nil {
			t.Errorf("silent connection %d got a reply, not its end", i-2)
		}
		if _, err := busy.Write(framed(numberedQuery(t, 0))); err != nil {
			t.Fatal(err)
		}
		readReplies(t, busy, 1)
	}
	if _, err := silent[4].Write(framed(numberedQuery(t, 0))); err != nil {
		t.Fatal(err)
	}
	readReplies(t, silent[4], 1)
}

// open returns how many connections there are.
func (s *tcpServer) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns.Len()
}

// waitFor waits until the condition holds.
func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		<-tick.C
	}
}

// TestDNSOverTLS: the same answers, from a certificate that the gateway
// chooses, and only from the TLS version that the settings ask for.
func TestDNSOverTLS(t *testing.T) {
	certificate, roots := testCertificate(t)
	var live gatelodge.Live
	s := New(&live, Config{Certificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil }})
	snapshot := snapshotOf(testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1"))
	snapshot.Settings.TLS.MinVersion = tls.VersionTLS13
	live.Swap(snapshot)
	serve(t, s, gatelodge.Listener{Name: "dot", Protocol: gatelodge.DOT, Address: "127.0.0.1:0", Views: []string{"default"}})

	client := dns.Client{Net: "tcp-tls", Timeout: patience, TLSConfig: &tls.Config{RootCAs: roots, ServerName: "dns.example", NextProtos: []string{"dot"}}}
	m := new(dns.Msg)
	m.SetQuestion("www.example.", dns.TypeA)
	reply, _, err := client.Exchange(m, s.Addr("dot").String())
	if err != nil || len(reply.Answer) != 1 {
		t.Errorf("%v, %v", reply, err)
	}
	client.TLSConfig.MaxVersion = tls.VersionTLS12
	if _, _, err := client.Exchange(m, s.Addr("dot").String()); err == nil {
		t.Error("TLS 1.2 is spoken although the settings ask for 1.3")
	}
}

// testCertificate is for dns.example and signed by itself.
func testCertificate(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"dns.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// surplus is a backend that sends an unrequested response after that to /attack,
// and responds to any other path with that path.
type surplus struct {
	address netip.AddrPort
	answer  string // to /attack
	more    string // after it
	when    string
	now     chan struct{} // for "late": that it is to say more
	said    chan struct{} // that it has
	conns   atomic.Int32
}

// The ways in which the surplus is sent.
const (
	inOneRecord  = "in one record"    // with the end of the answer
	inOnePacket  = "in one packet"    // as a record of its own, read along with the answer's
	inHalfRecord = "as half a record" // the rest of which never comes
	late         = "late"             // when the connection is idle, before it is used again
)

func startSurplus(t *testing.T, secure *tls.Certificate, answer, more, when string) *surplus {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	b := &surplus{
		address: netip.MustParseAddrPort(l.Addr().String()),
		answer:  answer, more: more, when: when,
		now: make(chan struct{}), said: make(chan struct{}),
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.conns.Add(1)
			go b.serve(c, secure)
		}
	}()
	return b
}

func (b *surplus) serve(plain net.Conn, secure *tls.Certificate) {
	defer plain.Close()
	_ = plain.SetDeadline(time.Now().Add(2 * patience))
	held := &holder{Conn: plain}
	var c net.Conn = held
	if secure != nil {
		c = tls.Server(held, &tls.Config{Certificates: []tls.Certificate{*secure}, NextProtos: []string{"http/1.1"}})
	}
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if r.URL.Path != "/attack" {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: "+string(rune('0'+len(r.URL.Path)))+"\r\n\r\n"+r.URL.Path)
			continue
		}
		if b.when == inOneRecord {
			_, _ = io.WriteString(c, b.answer+b.more)
			continue
		}
		held.hold = b.when != late
		_, _ = io.WriteString(c, b.answer)
		if b.when == late {
			<-b.now
		}
		whole := held.held.Len()
		_, _ = io.WriteString(c, b.more)
		if b.when == inHalfRecord {
			held.held.Truncate(whole + (held.held.Len()-whole+1)/2)
		}
		held.release()
		if b.when == late {
			close(b.said)
		}
	}
}

// holder is a connection that can hold back what is written, to send it at once.
type holder struct {
	net.Conn
	hold bool
	held bytes.Buffer
}

func (h *holder) Write(p []byte) (int, error) {
	if h.hold {
		return h.held.Write(p)
	}
	return h.Conn.Write(p)
}

func (h *holder) release() {
	h.hold = false
	_, _ = h.Conn.Write(h.held.Bytes())
	h.held.Reset()
}

// TestAnswerReachesNoOtherClient: whatever a backend sends without a request, and
// in whichever buffer that is, the next client gets its own response, over another
// connection.
func TestAnswerReachesNoOtherClient(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	secure, roots := backendTLS(t, "backend.test", time.Now().Add(time.Hour))
	for _, c := range []struct{ name, method, answer, more string }{
		{"a second answer", "GET", whole, poison},
		{"a body after HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n", poison},
		{"a body after HEAD, in chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\nok\r\n0\r\n\r\n" + poison},
		{"a body after 204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", poison},
		{"a body after 304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 44\r\n\r\n", poison},
		{"more than Content-Length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", poison},
		{"one stray line end", "GET", whole, "\r\n"},
		{"one stray byte", "GET", whole, "H"},
		{"an answer after the trailers", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-After: 1\r\n\r\n", poison},
		{"an answer after interim ones", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + whole, poison},
		{"an interim answer after the final one", "GET", whole, "HTTP/1.1 100 Continue\r\n\r\n" + poison},
		{"a large answer and another", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000), poison},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, protocol := range []gatelodge.BackendProtocol{gatelodge.BackendHTTP, gatelodge.BackendHTTPS} {
				for _, when := range []string{inOneRecord, inOnePacket, inHalfRecord, late} {
					if when == inHalfRecord && protocol == gatelodge.BackendHTTP {
						continue // there are no records in clear text
					}
					t.Run(string(protocol)+" "+when, func(t *testing.T) {
						var certificate *tls.Certificate
						if protocol == gatelodge.BackendHTTPS {
							certificate = secure
						}
						b := startSurplus(t, certificate, c.answer, c.more, when)
						g := start(t, secureApp(protocol, &gatelodge.BackendTLS{Roots: roots, VerifyName: "backend.test"}, b.address))
						do(t, g.client(h1), newRequest(t, c.method, h1.url(appHost, "/attack"), nil))
						if when == late {
							close(b.now)
							<-b.said
						}
						if got := g.get(h1, "/own"); got.StatusCode != 200 || got.body != "/own" {
							t.Errorf("the next client got %d %q", got.StatusCode, got.body)
						}
						if n := b.conns.Load(); n != 2 {
							t.Errorf("the backend saw %d connections, want 2", n)
						}
					})
				}
			}
		})
	}
	t.Run("nothing more", func(t *testing.T) {
		for name, certificate := range map[string]*tls.Certificate{"http": nil, "https": secure} {
			protocol := gatelodge.BackendProtocol(name)
			b := startSurplus(t, certificate, whole, "", inOneRecord)
			g := start(t, secureApp(protocol, &gatelodge.BackendTLS{Roots: roots, VerifyName: "backend.test"}, b.address))
			for range 3 {
				_ = g.get(h1, "/attack")
			}
			if n := b.conns.Load(); n != 1 {
				t.Errorf("%s: the backend saw %d connections, want 1: a good one is used again", name, n)
			}
		}
	})
}

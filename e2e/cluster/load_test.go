//go:build debian

package cluster_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/miekg/dns"

	"gatelodge.dev/e2e/namespace"
)

// A load is what a client asks all the time while something is done to the
// gateway: requests, each alone on its connection or many on one, over HTTP/1.1
// and HTTP/2, queries, and messages over WebSockets that stay.
type load struct {
	from      host
	http, dns string // addresses with ports
	name      string // of the application
	method    string // "": POST, because the client would hide that a connection broke from one that may be repeated
	ca        *authority

	stop  chan struct{}
	done  sync.WaitGroup
	ended time.Time

	requests, queries tally
	retried           tally // queries that were answered only when they were sent again
	sockets           []*socket
}

// A tally counts, and keeps what was lost.
type tally struct {
	mu      sync.Mutex
	all     int
	lost    []loss
	slowest time.Duration
}

type loss struct {
	at  time.Time
	how string
}

func (t *tally) add(began time.Time, how string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all++
	t.slowest = max(t.slowest, time.Since(began))
	if err != nil {
		t.lost = append(t.lost, loss{time.Now(), how + ": " + err.Error()})
	}
}

func (t *tally) count() (all, lost int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all, len(t.lost)
}

const (
	// requestTime is how long a client waits for an answer.
	requestTime = 20 * time.Second
	// queryTime is how long a query may take with its retries, one a second.
	queryTime = 10 * time.Second
	// pace is how often each of the clients asks.
	pace = 25 * time.Millisecond
)

// startLoad starts a load from a host. Its clients ask at a steady pace, however
// slow the answers, as far as they do not wait for one.
func startLoad(from host, address, dnsAddress, name string, ca *authority) (*load, error) {
	l := &load{from: from, name: name, ca: ca, stop: make(chan struct{}),
		http: net.JoinHostPort(address, "443"), dns: net.JoinHostPort(dnsAddress, "53")}
	for range 4 {
		s, err := l.openSocket()
		if err != nil {
			l.end()
			return nil, err
		}
		l.sockets = append(l.sockets, s)
	}
	alone, many, http2 := l.client(), l.client(), l.client()
	alone.DisableKeepAlives = true
	http2.ForceAttemptHTTP2 = true
	for range 2 {
		l.keepAsking(func() { l.request("alone", alone) })
		l.keepAsking(func() { l.request("HTTP/1.1", many) })
		l.keepAsking(func() { l.request("HTTP/2", http2) })
	}
	for range 6 {
		l.keepAsking(l.query)
	}
	return l, nil
}

// end ends the load, once.
func (l *load) end() {
	if !l.ended.IsZero() {
		return
	}
	close(l.stop)
	l.done.Wait()
	l.ended = time.Now()
	for _, s := range l.sockets {
		s.conn.Close()
		<-s.broken
	}
}

// keepAsking calls a function at the pace until the load ends.
func (l *load) keepAsking(ask func()) {
	l.done.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-l.stop:
				return
			case <-tick.C:
				ask()
			}
		}
	})
}

// client returns a transport of the host, with connections of its own.
func (l *load) client() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return l.from.dial(ctx, network, l.http)
		},
		TLSClientConfig: &tls.Config{RootCAs: l.ca.pool()},
	}
}

// request asks once.
func (l *load) request(how string, by *http.Transport) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	err := func() error {
		r, err := http.NewRequestWithContext(ctx, cmp.Or(l.method, http.MethodPost), "https://"+l.name+"/load", strings.NewReader("x"))
		if err != nil {
			return err
		}
		response, err := by.RoundTrip(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s %s", response.Status, body)
		}
		return err
	}()
	l.requests.add(began, how, err)
}

// query asks, and again from a new port each second without an answer, as a
// resolver does.
func (l *load) query() {
	began := time.Now()
	first := l.exchange()
	err := first
	for again := time.Second; err != nil && again < queryTime; again += time.Second {
		time.Sleep(time.Until(began.Add(again))) // at once where the answer did not come
		err = l.exchange()
	}
	if first != nil && err == nil {
		l.retried.add(began, "first", first)
	}
	l.queries.add(began, "query", err)
}

func (l *load) exchange() error {
	deadline := time.Now().Add(time.Second)
	conn, err := l.from.dial(context.Background(), "udp", l.dns)
	if err != nil {
		return err
	}
	defer conn.Close()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(l.name), dns.TypeA)
	client := dns.Client{Timeout: time.Until(deadline)}
	reply, _, err := client.ExchangeWithConn(m, &dns.Conn{Conn: conn})
	if err == nil && len(reply.Answer) == 0 {
		err = errors.New(dns.RcodeToString[reply.Rcode] + " without an answer")
	}
	return err
}

// A socket is a WebSocket with a message on its way all the time.
type socket struct {
	conn   *websocket.Conn
	broken chan struct{} // closed with the connection
	at     time.Time     // when it broke
	err    error
}

func (l *load) openSocket() (*socket, error) {
	dialer := websocket.Dialer{
		NetDialContext:  l.client().DialContext,
		TLSClientConfig: &tls.Config{RootCAs: l.ca.pool()},
	}
	conn, _, err := dialer.Dial("wss://"+l.name+"/echo", nil)
	if err != nil {
		return nil, fmt.Errorf("opening a WebSocket: %w", err)
	}
	s := &socket{conn: conn, broken: make(chan struct{})}
	go func() {
		defer close(s.broken)
		for s.err == nil {
			s.err = s.echo()
		}
		s.at = time.Now()
	}()
	return s, nil
}

func (s *socket) echo() error {
	if err := s.conn.WriteMessage(websocket.TextMessage, []byte("still there?")); err != nil {
		return err
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return err
	}
	if _, _, err := s.conn.ReadMessage(); err != nil {
		return err
	}
	time.Sleep(pace) // the pace of the messages, not a wait for anything
	return nil
}

// lives returns how long after a time those WebSockets lived that were broken
// before the end of the load, the shortest first.
func (l *load) lives(since time.Time) (lives []time.Duration) {
	for _, s := range l.sockets {
		if s.at.Before(l.ended) {
			lives = append(lives, s.at.Sub(since).Round(100*time.Millisecond))
		}
	}
	slices.Sort(lives)
	return lives
}

// dial connects from the host to an address and port, not to a name: the
// namespace is that of the thread, and looking up a name may start others.
func (h host) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	err = namespace.Do(h.network(), func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.CertificatePEM())
	return pool
}

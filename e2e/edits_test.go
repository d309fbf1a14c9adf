package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// state is what the three servers say of a host. Before an edit is served all of
// them give the old answer, afterwards all the new one, and no two of them differ.
type state struct {
	serial  int64  // of the certificate that is shown; 0: none that the CA signed
	backend string // which one answered; "": none did, 404
	record  bool   // the name has an address
}

// stateOf finds out the state of a host, through new connections.
func stateOf(g *undertest.Gateway, host string) (state, error) {
	var s state
	answer, err := g.Query("udp", host, dns.TypeA)
	if err != nil {
		return s, err
	}
	s.record = len(answer.Answer) > 0

	leaf, err := g.Shown(host)
	if err != nil {
		return s, err
	}
	if leaf.Issuer.CommonName == "e2e CA" {
		s.serial = leaf.SerialNumber.Int64()
	}

	request, err := http.NewRequest("GET", "https://"+g.HTTPS+"/", nil)
	if err != nil {
		return s, err
	}
	request.Host = host
	transport := &http.Transport{TLSClientConfig: &tls.Config{ServerName: host, InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return s, err
	}
	defer response.Body.Close()
	body := make([]byte, 100)
	n, _ := response.Body.Read(body)
	switch response.StatusCode {
	case http.StatusOK:
		s.backend = string(body[:n])
	case http.StatusNotFound:
	default:
		return s, fmt.Errorf("status %d: %s", response.StatusCode, body[:n])
	}
	return s, nil
}

// awaitState waits until the host's state is want. Each round asks for
// record, certificate and route in this order, so a round may catch a swap in
// the middle: then the earlier answers are old and the later ones new. The
// other way round, an old answer after a new one, means that they did not
// change together.
func awaitState(t *testing.T, g *undertest.Gateway, host string, old, want state) {
	t.Helper()
	g.Await(fmt.Sprintf("%s to be %+v", host, want), func() error {
		got, err := stateOf(g, host)
		if err != nil {
			return err
		}
		if got == want {
			return nil
		}
		recordIsNew := got.record != old.record
		certificateIsOld := old.serial != want.serial && got.serial == old.serial
		routeIsOld := old.backend != want.backend && got.backend == old.backend
		certificateIsNew := old.serial != want.serial && got.serial == want.serial
		if recordIsNew && (certificateIsOld || routeIsOld) || certificateIsNew && routeIsOld {
			t.Errorf("%s is half live: %+v, between %+v and %+v", host, got, old, want)
		}
		return fmt.Errorf("it is %+v", got)
	})
}

// TestEditsUnderLoad makes 200 edits of a folder while clients ask for hosts
// that stay.
func TestEditsUnderLoad(t *testing.T) {
	ca := undertest.NewCA(t, "e2e CA")
	dir := t.TempDir()
	a, b := startBackend(t, "a"), startBackend(t, "b")
	write(t, dir, "class.yaml", classManifest)
	write(t, dir, "services.yaml", service("a", a)+service("b", b)+service("stay", a, b)+service("moving", a))
	secret, staySerial := tlsSecret(t, ca, "stay", "stay.shop.pke.example.com")
	write(t, dir, "stay.yaml", secret+ingress("stay", "stay.shop.pke.example.com", "stay", "stay"))
	secret, endpointsSerial := tlsSecret(t, ca, "moving", "moving.shop.pke.example.com")
	write(t, dir, "moving.yaml", secret+ingress("moving", "moving.shop.pke.example.com", "moving", "moving"))
	g := serve(t, dir, zoneConfig)
	g.Roots = ca.Pool()
	load := startLoad(t, g, "stay.shop.pke.example.com", staySerial)

	var lags []time.Duration
	edit := func(host string, old, want state, file, text string) {
		t.Helper()
		began := time.Now()
		if text == "" {
			if err := os.Remove(filepath.Join(dir, file)); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, dir, file, text)
		}
		awaitState(t, g, host, old, want)
		lags = append(lags, time.Since(began))
	}
	endpoints := "a"
	for round := range 25 { // of eight edits
		host := fmt.Sprintf("host-%d.shop.pke.example.com", round)
		moved := fmt.Sprintf("moved-%d.shop.pke.example.com", round)
		var gone state

		secret, serial := tlsSecret(t, ca, "edited", host, moved)
		first := state{serial, "a", true}
		edit(host, gone, first, "edited.yaml", secret+ingress("edited", host, "a", "edited"))

		toB := state{serial, "b", true}
		edit(host, first, toB, "edited.yaml", secret+ingress("edited", host, "b", "edited"))

		secret, serial = tlsSecret(t, ca, "edited", host, moved)
		replaced := state{serial, "b", true}
		edit(host, toB, replaced, "edited.yaml", secret+ingress("edited", host, "b", "edited"))

		edit(moved, gone, replaced, "edited.yaml", secret+ingress("edited", moved, "b", "edited"))
		awaitState(t, g, host, replaced, gone)

		before := endpoints
		ports := map[string]string{"a": a, "b": b}
		endpoints = map[string]string{"a": "b", "b": "a"}[endpoints]
		edit("moving.shop.pke.example.com", state{endpointsSerial, before, true}, state{endpointsSerial, endpoints, true},
			"services.yaml", service("a", a)+service("b", b)+service("stay", a, b)+service("moving", ports[endpoints]))

		// A second file beside the first, then both go, one after the other.
		second := fmt.Sprintf("second-%d.shop.pke.example.com", round)
		secret, serial = tlsSecret(t, ca, "second", second)
		edit(second, gone, state{serial, "a", true}, "second.yaml", secret+ingress("second", second, "a", "second"))
		edit(second, state{serial, "a", true}, gone, "second.yaml", "")
		edit(moved, replaced, gone, "edited.yaml", "")
	}
	load.stop(t)

	slices.Sort(lags)
	t.Logf("%d edits, from writing to served: median %v, 99%% %v, longest %v; meanwhile %d requests, %d queries and %d WebSocket messages",
		len(lags), lags[len(lags)/2], lags[len(lags)*99/100], lags[len(lags)-1], load.requests.Load(), load.queries.Load(), load.messages.Load())
	if len(lags) != 200 {
		t.Errorf("%d edits were made, want 200", len(lags))
	}
}

// load asks for a host that stays, by every protocol, until it is stopped.
type load struct {
	cancel                      context.CancelFunc
	workers                     sync.WaitGroup
	requests, queries, messages atomic.Int64
	failures                    chan error // the first few
}

func startLoad(t *testing.T, g *undertest.Gateway, host string, serial int64) *load {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	l := &load{cancel: cancel, failures: make(chan error, 10)}
	run := func(what string, count *atomic.Int64, once func() error) {
		l.workers.Go(func() {
			for ctx.Err() == nil {
				if err := once(); err != nil && ctx.Err() == nil {
					select {
					case l.failures <- fmt.Errorf("%s: %w", what, err):
					default:
					}
				}
				count.Add(1)
				select { // a few hundred a second are enough, and leave time to others
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		})
	}
	ok := func(client *http.Client) error {
		status, body, err := undertest.Get(client, "https://"+host+"/")
		if err == nil && (status != http.StatusOK || body != "a" && body != "b") {
			err = fmt.Errorf("%d %q", status, body)
		}
		return err
	}
	http2 := g.Client()
	run("HTTP/2, one connection", &l.requests, func() error { return ok(http2) })
	http1 := g.Client()
	http1.Transport.(*http.Transport).TLSClientConfig.NextProtos = []string{"http/1.1"}
	http1.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	run("HTTP/1.1, kept alive", &l.requests, func() error { return ok(http1) })
	run("HTTPS, a connection each", &l.requests, func() error {
		client := g.Client()
		defer client.CloseIdleConnections()
		return ok(client)
	})
	run("HTTP redirect", &l.requests, func() error {
		status, _, err := undertest.Get(http1, "http://"+host+"/")
		if err == nil && status != http.StatusPermanentRedirect {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
	run("certificate", &l.requests, func() error {
		leaf, err := g.Accepted(host)
		if err == nil && leaf.SerialNumber.Int64() != serial {
			err = fmt.Errorf("serial %v, want %d", leaf.SerialNumber, serial)
		}
		return err
	})
	for _, network := range []string{"udp", "tcp"} {
		run("DNS over "+network, &l.queries, func() error {
			answer, err := g.Query(network, host, dns.TypeA)
			if err == nil && (answer.Rcode != dns.RcodeSuccess || len(answer.Answer) != 1) {
				err = errors.New(answer.String())
			}
			return err
		})
	}
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, g.HTTPS)
		},
		TLSClientConfig: &tls.Config{RootCAs: g.Roots},
	}
	socket, _, err := dialer.Dial("wss://"+host+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	context.AfterFunc(ctx, func() { socket.Close() })
	run("one WebSocket", &l.messages, func() error {
		if err := socket.WriteMessage(websocket.TextMessage, []byte("x")); err != nil {
			return err
		}
		_, _, err := socket.ReadMessage()
		return err
	})
	return l
}

// stop ends the load and fails the test for each request that failed.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.workers.Wait()
	close(l.failures)
	for err := range l.failures {
		t.Errorf("under load: %v", err)
	}
}

package kube_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// loadClients ask for hosts that are not edited, each over connections of its own
// that it keeps.
const (
	loadClients = 4
	loadPause   = 20 * time.Millisecond // between two requests of a client
)

// startBackend answers for every endpoint of every Service.
func startBackend(b *testing.B) {
	b.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", backendPort))
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
}

// load is requests to hosts that are not edited.
type load struct {
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	result loadResult
}

type loadResult struct {
	requests, failed int
	examples         []string // of failures
	took             []time.Duration
}

func (r *measurement) startLoad() *load {
	ctx, cancel := context.WithCancel(r.Context())
	l := &load{cancel: cancel}
	for c := range loadClients {
		l.done.Go(func() { l.client(ctx, r, c) })
	}
	return l
}

func (l *load) stop() loadResult {
	l.cancel()
	l.done.Wait()
	return l.result
}

// client asks for one host after the other.
func (l *load) client(ctx context.Context, r *measurement, number int) {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, httpsAddress)
		},
		TLSClientConfig: &tls.Config{RootCAs: r.world.ca.pool()},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	tick := time.NewTicker(loadPause)
	defer tick.Stop()
	for k := 0; ; k++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// Twenty hosts in turn: most requests find their connection, some make one.
		n, i := (number*50+k/200)%r.world.namespaces, edited+k%20
		begin := time.Now()
		err := ask(client, "https://"+hostName(n, i)+"/api/x")
		l.note(time.Since(begin), err)
	}
}

func ask(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || string(text) != "ok") {
		err = fmt.Errorf("%s: %d %.80q", url, response.StatusCode, text)
	}
	return err
}

func (l *load) note(took time.Duration, err error) {
	const most = 5
	l.mu.Lock()
	defer l.mu.Unlock()
	l.result.requests++
	l.result.took = append(l.result.took, took)
	if err != nil {
		l.result.failed++
		if len(l.result.examples) < most {
			l.result.examples = append(l.result.examples, err.Error())
		}
	}
}

package http1_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

// timeouts all differ, so that a test can tell which one applied.
var timeouts = gatelodge.Timeouts{
	Header: 10 * time.Second, Body: 20 * time.Second, Idle: 40 * time.Second,
	Connect: 5 * time.Second, Read: 80 * time.Second, Send: 160 * time.Second,
}

// within fails the test unless the time since start is the timeout, or up to a
// quarter more.
func within(t *testing.T, start time.Time, timeout time.Duration) {
	t.Helper()
	if took := time.Since(start); took < timeout || took > timeout+timeout/4 {
		t.Errorf("it took %v, want %v or up to a quarter more", took, timeout)
	}
}

// TestSlowClients: however slowly a client sends or reads, its connection ends in
// time, and its handler gets the reason.
func TestSlowClients(t *testing.T) {
	for _, c := range []struct {
		name    string
		send    string
		drip    string // sent every 5 seconds
		timeout time.Duration
		answer  string
	}{
		{"nothing is sent", "", "", timeouts.Header, ""},
		{"half a head", "GET / HT", "", timeouts.Header, "HTTP/1.1 408 "},
		{"a head by drops", "GET / HTTP/1.1\r\n", "X: y\r\n", timeouts.Header, "HTTP/1.1 408 "},
		{"half a body", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", "", timeouts.Body, ""},
		{"half a chunk", "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5", "", timeouts.Body, ""},
		{"no second request", "GET /hi HTTP/1.1\r\nHost: a\r\n\r\n", "", timeouts.Idle, "HTTP/1.1 200 OK\r\n"},
		{"half a second request", "GET /hi HTTP/1.1\r\nHost: a\r\n\r\nGET ", "", timeouts.Header, "HTTP/1.1 200 OK\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				client, end := net.Pipe()
				s := &http1.Server{
					Settings: always(&gatelodge.Settings{Timeouts: timeouts, Limits: settings().Limits}),
					Handler: func(ex *exchange.Exchange) error {
						_, err := io.Copy(io.Discard, ex.Body)
						if ex.Path == "/body" && (!errors.Is(err, exchange.ErrClient) || !errors.Is(err, exchange.ErrTimeout)) {
							t.Errorf("reading the body: %v, want ErrClient and ErrTimeout", err)
						}
						if err != nil {
							return err
						}
						return hello(ex)
					},
				}
				got := make(chan string)
				go func() {
					all, _ := io.ReadAll(client)
					got <- string(all)
				}()
				var sender sync.WaitGroup
				defer sender.Wait()
				sender.Go(func() {
					if c.send == "" {
						return
					}
					_, err := io.WriteString(client, c.send)
					for err == nil && c.drip != "" {
						time.Sleep(5 * time.Second) // in the bubble's time
						_, err = io.WriteString(client, c.drip)
					}
				})
				s.ServeConn(t.Context(), end, &exchange.Conn{})
				within(t, start, c.timeout)
				if got := <-got; !strings.HasPrefix(got, c.answer) || c.answer == "" && got != "" {
					t.Errorf("the client got %q, want %q", got, c.answer)
				}
			})
		})
	}
	t.Run("an answer that is not taken", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			client, end := net.Pipe()
			s := &http1.Server{
				Settings: always(&gatelodge.Settings{Timeouts: timeouts, Limits: settings().Limits}),
				Handler: func(ex *exchange.Exchange) error {
					ex.Response.Head(200, nil, 1<<20)
					_, err := ex.Response.Write(make([]byte, 1<<20))
					if !errors.Is(err, exchange.ErrClient) || !errors.Is(err, exchange.ErrTimeout) {
						t.Errorf("writing: %v, want ErrClient and ErrTimeout", err)
					}
					return err
				},
			}
			go io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			s.ServeConn(t.Context(), end, &exchange.Conn{})
			within(t, start, timeouts.Send)
			client.Close()
		})
	})
}

// TestSlowBackends: each direction of a backend that hangs.
func TestSlowBackends(t *testing.T) {
	for _, c := range []struct {
		name    string
		backend func(nc net.Conn, r *bufio.Reader)
		length  int64
		timeout time.Duration
	}{
		{"no answer", func(nc net.Conn, r *bufio.Reader) { readHead(r) }, 0, timeouts.Read},
		{"half a head", func(nc net.Conn, r *bufio.Reader) { readHead(r); io.WriteString(nc, "HTTP/1.1 200") }, 0, timeouts.Read},
		{"half a body", func(nc net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		}, 0, timeouts.Read},
		{"the body is not taken", func(nc net.Conn, r *bufio.Reader) { readHead(r) }, 1 << 20, timeouts.Send + timeouts.Read},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				end := make(chan struct{})
				client := http1.NewClient(netip.AddrPort{}, http1.Options{
					Settings: always(&gatelodge.Settings{Timeouts: timeouts, Limits: settings().Limits}),
					Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
						ours, theirs := net.Pipe()
						go func() {
							defer theirs.Close()
							c.backend(theirs, bufio.NewReaderSize(theirs, 16))
							<-end
						}()
						return ours, nil
					},
				})
				defer client.Close()
				err := client.Do(&exchange.Exchange{
					Context: t.Context(), Method: "POST", Authority: "a", Path: "/",
					Length: c.length, Body: zeros{}, Response: &recorder{},
				})
				close(end)
				if !errors.Is(err, exchange.ErrBackend) || !errors.Is(err, exchange.ErrTimeout) || errors.Is(err, exchange.ErrUnsent) || errors.Is(err, http1.ErrStale) {
					t.Errorf("got error %v, want ErrBackend and ErrTimeout", err)
				}
				within(t, start, c.timeout)
			})
		})
	}
	t.Run("a connection that is not made", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			client := http1.NewClient(netip.AddrPort{}, http1.Options{
				Settings: always(&gatelodge.Settings{Timeouts: timeouts}),
				Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				},
			})
			err := client.Do(&exchange.Exchange{Context: t.Context(), Method: "GET", Path: "/"})
			if !errors.Is(err, exchange.ErrBackend) || !errors.Is(err, exchange.ErrTimeout) || !errors.Is(err, exchange.ErrUnsent) {
				t.Errorf("got error %v, want ErrBackend, ErrTimeout and ErrUnsent", err)
			}
			within(t, start, timeouts.Connect)
		})
	})
}

// TestSlowUpload: the time for the endpoint's response does not run while the client
// slowly sends the body.
func TestSlowUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := http1.NewClient(netip.AddrPort{}, http1.Options{
			Settings: always(&gatelodge.Settings{Timeouts: timeouts, Limits: settings().Limits}),
			Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					defer theirs.Close()
					r := bufio.NewReader(theirs)
					readHead(r)
					io.CopyN(io.Discard, r, 100)
					io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					io.Copy(io.Discard, r)
				}()
				return ours, nil
			},
		})
		defer client.Close()
		answer := &recorder{}
		err := client.Do(&exchange.Exchange{
			Context: t.Context(), Method: "POST", Authority: "a", Path: "/",
			Length: 100, Body: &slowBody{left: 100}, Response: answer,
		})
		if err != nil || answer.status != 200 {
			t.Errorf("got %d, %v, want 200 after an upload of 1000 seconds", answer.status, err)
		}
	})
}

// TestIdleConnectionsOfAClient: connections that were idle for a while are closed.
func TestIdleConnectionsOfAClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ended := make(chan struct{})
		client := http1.NewClient(netip.AddrPort{}, http1.Options{
			Settings: always(&gatelodge.Settings{Timeouts: timeouts, Limits: settings().Limits}),
			Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					r := bufio.NewReader(theirs)
					readHead(r)
					io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					io.Copy(io.Discard, r)
					close(ended)
				}()
				return ours, nil
			},
		})
		if err := client.Do(&exchange.Exchange{Context: t.Context(), Method: "GET", Authority: "a", Path: "/", Response: &recorder{}}); err != nil {
			t.Fatal(err)
		}
		<-ended
		within(t, start, http1.DefaultIdleTimeout)
	})
}

// zeros is a body without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
func (zeros) Trailers() exchange.Fields  { return nil }
func (zeros) Reopen()                    {}
func (zeros) Close() error               { return nil }

// slowBody returns a byte every ten seconds.
type slowBody struct {
	zeros
	left int
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.left--
	time.Sleep(10 * time.Second) // in the bubble's time
	p[0] = 'x'
	return 1, nil
}

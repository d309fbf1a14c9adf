package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatelodge.dev/e2e/undertest"
)

// TestASilentEndpoint: one that is gone without a word, as a pod whose node fails,
// costs no request that may be sent again: neither one on a kept connection, nor one
// that it was at work on, nor one for which there is a connection to be made.
func TestASilentEndpoint(t *testing.T) {
	t.Parallel()
	for protocol, annotation := range map[string]string{"HTTP/1.1": "HTTP", "HTTP/2": "H2C"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			silent, other := startMortal(t, "silent"), startMortal(t, "other")
			folder := t.TempDir()
			write(t, folder, "all.yaml", classManifest+
				strings.Replace(ingress("web", "web.pke.example.com", "web", ""), "metadata: {", "metadata: {annotations: {gatelodge.dev/backend-protocol: "+annotation+"}, ", 1)+
				service("web", silent.port, other.port))
			g := serve(t, folder, zoneConfig+"timeouts: {connect: 5s}\n")
			client := g.Client()
			client.Timeout = 50 * time.Second // less than timeouts.read
			ask := func(path string) (string, error) {
				status, body, err := undertest.Get(client, "http://web.pke.example.com"+path)
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("%d %s", status, body)
				}
				return body, err
			}
			for _, m := range []*mortal{silent, other} { // each has connections that are kept
				g.Await(m.name+" to answer", func() error {
					body, err := ask("/")
					if err == nil && body != m.name {
						err = fmt.Errorf("%q answers", body)
					}
					return err
				})
			}

			var asking sync.WaitGroup
			want := func(path string) {
				asking.Go(func() {
					if body, err := ask(path); err != nil || body != "other" {
						t.Errorf("%s: answered %q, %v", path, body, err)
					}
				})
			}
			want("/slow") // of two in turn, one is for the silent one
			want("/slow")
			g.Await("the silent one to be at work", func() error {
				if silent.working.Load() == 0 {
					return errors.New("it is not")
				}
				return nil
			})
			silent.die(t)
			for range 12 { // more would be beyond the budget of retries
				want("/")
			}
			asking.Wait()
		})
	}
}

// TestASlowEndpoint: one that takes a body slowly is not silent, even if it takes
// nothing for longer than timeouts.connect.
func TestASlowEndpoint(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(6 * time.Second)
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	folder := t.TempDir()
	write(t, folder, "all.yaml", classManifest+ingress("web", "web.pke.example.com", "web", "")+service("web", port))
	g := serve(t, folder, zoneConfig+"timeouts: {connect: 2s}\n")
	const size = 32 << 20 // more than fits into buffers
	client := g.Client()
	client.Timeout = time.Minute
	for _, length := range []int64{size, -1} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://web.pke.example.com/", io.LimitReader(zeros{}, size))
		if err != nil {
			t.Fatal(err)
		}
		request.ContentLength = length
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if want := fmt.Sprint(size, nil); err != nil || string(body) != want {
			t.Errorf("length %d: %s %q, %v, want %q", length, response.Status, body, err, want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// mortal is a backend that can vanish without a word: its sockets get no packet any
// more, so that they acknowledge none.
type mortal struct {
	name, port string
	working    atomic.Int32 // requests that it does not answer

	mu      sync.Mutex
	sockets []syscall.Conn
}

// startMortal starts a backend that answers with its name. The silent one answers
// nothing at /slow.
func startMortal(t *testing.T, name string) *mortal {
	t.Helper()
	m := &mortal{name: name}
	config := net.ListenConfig{}
	config.SetMultipathTCP(false) // which takes no filter
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.sockets = append(m.sockets, l.(syscall.Conn))
	_, m.port, _ = net.SplitHostPort(l.Addr().String())
	ended := make(chan struct{})
	server := &http.Server{
		Protocols: new(http.Protocols),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" && name == "silent" {
				m.working.Add(1)
				<-ended
			}
			io.WriteString(w, name)
		}),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.sockets = append(m.sockets, c.(syscall.Conn))
			return ctx
		},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(l)
	t.Cleanup(func() { close(ended); server.Close() })
	return m
}

// die drops every packet for the backend: a filter that accepts 0 octets is on each
// of its sockets (socket(7), SO_ATTACH_FILTER).
func (m *mortal) die(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	dropAll := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	for _, socket := range m.sockets {
		raw, err := socket.SyscallConn()
		if err == nil {
			controlled := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &dropAll})
			})
			err = errors.Join(err, controlled)
		}
		if err != nil && !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	}
}

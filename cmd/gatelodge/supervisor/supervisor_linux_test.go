package supervisor

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestSocketsOutliveTheirProcess: a connection and a packet that arrive when there is
// no process wait for the next one, which finds the same sockets.
func TestSocketsOutliveTheirProcess(t *testing.T) {
	s := newSupervisor(t)
	first := s.startChild(t)
	sockets := first.sockets(t, "dns", opening(t, "tcp", "udp", "udp"))
	tcp, udp := sockets[0].(net.Listener).Addr().String(), sockets[1].(net.PacketConn).LocalAddr().String()
	first.do(t, first.Serving)
	first.die(t)

	client, err := net.Dial("tcp", tcp)
	if err != nil {
		t.Fatalf("while there is no process: %v", err)
	}
	defer client.Close()
	query, err := net.Dial("udp", udp)
	if err != nil {
		t.Fatal(err)
	}
	defer query.Close()
	if _, err := query.Write([]byte("query")); err != nil {
		t.Fatal(err)
	}

	second := s.startChild(t)
	kept := second.sockets(t, "dns", func() ([]syscall.Conn, error) { return nil, errors.New("asked to open") })
	if len(kept) != 3 {
		t.Fatalf("%d sockets are kept, want 3", len(kept))
	}
	conn, err := kept[0].(net.Listener).Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if got := conn.RemoteAddr().String(); got != client.LocalAddr().String() {
		t.Errorf("accepted a connection from %s", got)
	}
	packet := make([]byte, 10)
	if n, _, err := kept[1].(net.PacketConn).ReadFrom(packet); err != nil || string(packet[:n]) != "query" {
		t.Errorf("read %q, %v", packet[:n], err)
	}
	if second.Restarts() != 1 || second.Family() != first.Family() || second.Family() == "" {
		t.Errorf("child %d of family %q, want 1 of %q", second.Restarts(), second.Family(), first.Family())
	}
	second.die(t)
}

// TestSocketsThatAreNotNeeded are closed: those that the next process does not ask
// for, all when one leaves, and all when no process comes to serve.
func TestSocketsThatAreNotNeeded(t *testing.T) {
	for _, test := range []struct {
		name   string
		then   func(t *testing.T, s testSupervisor)
		closed bool // also what the second child would have taken
	}{
		{"the next process serves", func(t *testing.T, s testSupervisor) {
			second := s.startChild(t)
			second.sockets(t, "kept", nil)
			second.do(t, second.Serving)
			second.die(t)
		}, false},
		{"the next process leaves", func(t *testing.T, s testSupervisor) {
			second := s.startChild(t)
			second.sockets(t, "kept", nil)
			second.do(t, second.Leaving)
			second.die(t)
		}, true},
		{"it is asked to end", func(t *testing.T, s testSupervisor) { s.pass(syscall.SIGTERM) }, true},
		{"no process serves in time", func(t *testing.T, s testSupervisor) { s.expire() }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSupervisor(t)
			first := s.startChild(t)
			kept := first.sockets(t, "kept", opening(t, "tcp"))[0].(net.Listener).Addr().String()
			gone := first.sockets(t, "gone", opening(t, "tcp"))[0].(net.Listener).Addr().String()
			first.do(t, first.Serving)
			first.die(t)
			test.then(t, s)
			if _, err := net.Dial("tcp", gone); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("connecting to the socket that no process took: %v, want it refused", err)
			}
			conn, err := net.Dial("tcp", kept)
			if err == nil {
				conn.Close()
			}
			if refused := errors.Is(err, syscall.ECONNREFUSED); refused != test.closed {
				t.Errorf("connecting to the socket that was taken: %v, want it refused: %v", err, test.closed)
			}
		})
	}
}

// TestWhetherThereIsANext process.
func TestWhetherThereIsANext(t *testing.T) {
	s := newSupervisor(t)
	if _, next := s.ended(); next {
		t.Error("after one that never served")
	}
	s.serving()
	if _, next := s.ended(); !next {
		t.Error("none after one that served")
	}
	if _, next := s.ended(); !next {
		t.Error("none after one that did not serve, though one before it did")
	}
	s.leave()
	if _, next := s.ended(); next {
		t.Error("after one that was asked to end")
	}
}

// newSupervisor returns one whose children are goroutines of the test.
func newSupervisor(t *testing.T) testSupervisor {
	s := &supervisor{log: slog.New(slog.NewTextHandler(t.Output(), nil)), family: "a family", kept: make(map[string]*sockets), stop: func() {}}
	t.Cleanup(s.leave)
	return testSupervisor{s}
}

type testSupervisor struct{ *supervisor }

// ended is that of the supervisor without a process that it could release.
func (s testSupervisor) ended() (lived time.Duration, next bool) {
	s.child = &os.Process{Pid: -1}
	return s.supervisor.ended()
}

// testChild is a child, and the sockets that it has open.
type testChild struct {
	*Child
	s     testSupervisor
	open  []syscall.Conn
	heard chan struct{}
}

func (s testSupervisor) startChild(t *testing.T) *testChild {
	t.Helper()
	ours, theirs, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.greet(ours); err != nil {
		t.Fatal(err)
	}
	c := &testChild{s: s, heard: make(chan struct{})}
	go func() {
		defer close(c.heard)
		defer ours.Close()
		if err := s.hear(ours); err != nil {
			t.Error(err)
		}
	}()
	t.Setenv(variable, strconv.Itoa(theirs))
	if c.Child, err = Connect(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *testChild) sockets(t *testing.T, name string, open func() ([]syscall.Conn, error)) []syscall.Conn {
	t.Helper()
	sockets, err := c.Sockets(name, open)
	if err != nil {
		t.Fatal(err)
	}
	c.open = append(c.open, sockets...)
	return sockets
}

func (c *testChild) do(t *testing.T, tell func() error) {
	t.Helper()
	if err := tell(); err != nil {
		t.Error(err)
	}
}

// die does what the kernel does to a process that is killed, and has the supervisor
// notice.
func (c *testChild) die(t *testing.T) {
	t.Helper()
	for _, socket := range c.open {
		socket.(interface{ Close() error }).Close()
	}
	c.link.Close()
	<-c.heard
	c.s.ended()
}

// own is an address of this test alone, so that no other program gets a port of it that
// is free again.
const own = "127.83.85.80:0"

// opening returns a function that opens sockets of these networks.
func opening(t *testing.T, networks ...string) func() ([]syscall.Conn, error) {
	return func() (sockets []syscall.Conn, err error) {
		for _, network := range networks {
			if network == "tcp" {
				l, err := net.Listen(network, own)
				if err != nil {
					t.Fatal(err)
				}
				sockets = append(sockets, l.(*net.TCPListener))
				continue
			}
			c, err := net.ListenPacket(network, own)
			if err != nil {
				t.Fatal(err)
			}
			sockets = append(sockets, c.(*net.UDPConn))
		}
		return sockets, nil
	}
}

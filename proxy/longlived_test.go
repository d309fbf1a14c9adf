package proxy

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	gatelodge "gatelodge.dev"
)

// How many WebSockets and gRPC streams are open, and how many of the streams share
// a connection.
const (
	openSockets    = 200
	openStreams    = 200
	perConnection  = 50
	socketsKey     = "shop/ws:80"
	streamsKey     = "shop/chat:80"
	streamsService = "/test.Echo"
)

// longLived is a gateway with WebSockets and gRPC streams through it.
type longLived struct {
	*gateway
	plain            []netip.AddrPort // endpoints of the ordinary backend
	sockets, streams netip.AddrPort
	openSockets      []*websocket.Conn
	openStreams      []grpc.ClientStream
}

func startLongLived(t *testing.T) *longLived {
	l := &longLived{
		plain: []netip.AddrPort{
			backendServer(t, gatelodge.BackendHTTP, ok), backendServer(t, gatelodge.BackendHTTP, ok), backendServer(t, gatelodge.BackendHTTP, ok),
		},
		sockets: backendServer(t, gatelodge.BackendHTTP, webSocketEcho),
		streams: grpcBackend(t),
	}
	l.gateway = start(t, func(s *gatelodge.Snapshot) { *s = *l.snapshot(1) })
	for i := range openSockets {
		l.openSockets = append(l.openSockets, l.webSocket([]mode{h1, h1tls}[i%2]))
	}
	var conn *grpc.ClientConn
	for i := range openStreams {
		if i%perConnection == 0 {
			conn = l.grpc([]mode{h2, h2c}[i/perConnection%2])
		}
		stream, err := conn.NewStream(t.Context(), &echoService.Streams[0], streamsService+"/Chat")
		if err != nil {
			t.Fatal(err)
		}
		l.openStreams = append(l.openStreams, stream)
	}
	l.echoAll()
	return l
}

// snapshot returns the nth one: hosts come and go, the routes of the host itself are
// made anew, endpoints take turns, and now and then even the backends go that the
// sockets and streams are at.
func (l *longLived) snapshot(n int) *gatelodge.Snapshot {
	s := plainSnapshot()
	s.Settings.Drain = gatelodge.Drain{Timeout: 10 * time.Second, Tunnels: time.Hour}
	addHosts(s,
		host1(appHost, route1("/ws", socketsKey), route1(streamsService, streamsKey), route1("/", appKey)),
		host1(gatelodge.Name(fmt.Sprintf("h%d.example.com", n)), route1("/", appKey)))
	addBackends(s, backend1(appKey, gatelodge.BackendHTTP, l.plain[n%3], l.plain[(n+1)%3]))
	if n%5 != 0 {
		addBackends(s, backend1(socketsKey, gatelodge.BackendHTTP, l.sockets))
	}
	if n%7 != 0 {
		addBackends(s, backend1(streamsKey, gatelodge.BackendH2C, l.streams))
	}
	return s
}

func (l *longLived) echoAll() {
	l.t.Helper()
	for i := range openSockets {
		l.echo(i)
	}
}

// echo sends a message over the nth WebSocket, and one over the nth stream, and
// waits for them to come back.
func (l *longLived) echo(n int) {
	l.t.Helper()
	message := fmt.Sprint("message ", n)
	if err := echo(l.openSockets[n], message); err != nil {
		l.t.Fatalf("WebSocket %d: %v", n, err)
	}
	if err := echoStream(l.openStreams[n], message); err != nil {
		l.t.Fatalf("stream %d: %v", n, err)
	}
}

func echoStream(stream grpc.ClientStream, message string) error {
	if err := stream.SendMsg(wrapperspb.String(message)); err != nil {
		return err
	}
	got := new(wrapperspb.StringValue)
	if err := stream.RecvMsg(got); err != nil {
		return err
	}
	if got.Value != message {
		return fmt.Errorf("got %q, want %q", got.Value, message)
	}
	return nil
}

// TestThousandSwaps: during 1,000 changes of routes and endpoints no request fails,
// and 200 WebSockets and 200 gRPC streams stay open.
func TestThousandSwaps(t *testing.T) {
	l := startLongLived(t)
	var stop atomic.Bool
	var clients sync.WaitGroup
	answered := make(chan bool, 1)
	for _, m := range allModes {
		client := l.client(m)
		clients.Go(func() {
			for !stop.Load() {
				response, err := client.Post(m.url(appHost, "/"), "text/plain", strings.NewReader("content"))
				if err != nil {
					t.Error(m, err)
					return
				}
				if response.StatusCode != 200 {
					t.Errorf("%s: got %d", m, response.StatusCode)
				}
				_ = response.Body.Close()
				select {
				case answered <- true:
				default:
				}
			}
		})
	}
	for i := range 1000 {
		l.live.Swap(l.snapshot(i))
		l.echo(i % openSockets)
		select {
		case <-answered:
		case <-time.After(patience):
			t.Fatal("no request is answered")
		}
		if t.Failed() {
			break
		}
	}
	stop.Store(true)
	clients.Wait()
	l.echoAll()
}

// TestDrainOfLongLived: streams that end within drain.timeout end well and the
// others are aborted then, while WebSockets go on for drain.tunnels.
func TestDrainOfLongLived(t *testing.T) {
	l := startLongLived(t)
	ctx, over := context.WithCancel(t.Context()) // ends drain.tunnels when the test has seen them
	defer over()
	l.drained = true
	drained := make(chan error, 1)
	go func() { drained <- l.server.Drain(ctx) }()

	leaving, staying := l.openStreams[:openStreams/2], l.openStreams[openStreams/2:]
	for i, stream := range leaving {
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != io.EOF {
			t.Errorf("stream %d ended with %v", i, err)
		}
	}
	for i, stream := range staying {
		err := stream.RecvMsg(new(wrapperspb.StringValue))
		if code := status.Code(err); code != codes.Unavailable && code != codes.Internal {
			t.Errorf("stream %d, which did not end in time, ended with %v", i, err)
		}
	}
	for i, socket := range l.openSockets {
		if err := echo(socket, "still here"); err != nil {
			t.Fatalf("WebSocket %d ended with the requests: %v", i, err)
		}
	}
	over()
	for i, socket := range l.openSockets {
		if _, _, err := socket.ReadMessage(); err == nil {
			t.Errorf("WebSocket %d is still there", i)
		}
	}
	err := <-drained
	for _, want := range []string{fmt.Sprintf("%d requests aborted", len(staying)), fmt.Sprintf("%d tunnels aborted", openSockets)} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if err := <-l.served; err != nil {
		t.Error(err)
	}
}

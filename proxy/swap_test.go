package proxy

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

// TestSwapUnderLoad: during 200 changes of routes and endpoints no request to a
// host that stays fails, and a WebSocket stays open.
func TestSwapUnderLoad(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		addresses := []netip.AddrPort{
			backendServer(t, gatelodge.BackendHTTP, ok), backendServer(t, gatelodge.BackendHTTP, ok), backendServer(t, gatelodge.BackendHTTP, ok),
		}
		sockets := backendServer(t, gatelodge.BackendHTTP, webSocketEcho)
		socketHost := host1(appHost, route1("/ws", "shop/ws:80"), route1("/", appKey))
		next := func(i int) *gatelodge.Snapshot {
			s := plainSnapshot()
			h := socketHost
			if i%2 == 1 { // the host itself changes too
				h = host1(appHost, socketHost.Routes...)
			}
			addHosts(s, h, host1(gatelodge.Name(fmt.Sprintf("h%d.example.com", i)), route1("/", appKey)))
			endpoints := []netip.AddrPort{addresses[i%3], addresses[(i+1)%3]}
			addBackends(s, backend1(appKey, gatelodge.BackendHTTP, endpoints...))
			if i%5 != 0 { // even the socket's backend may go
				addBackends(s, backend1("shop/ws:80", gatelodge.BackendHTTP, sockets))
			}
			return s
		}
		g := start(t, func(s *gatelodge.Snapshot) { *s = *next(1) })
		socketMode := h1
		if m.tls() {
			socketMode = h1tls
		}
		socket := g.webSocket(socketMode)

		var stop atomic.Bool
		var served atomic.Int64
		var clients sync.WaitGroup
		for range 4 {
			client := g.client(m)
			clients.Go(func() {
				for !stop.Load() {
					response, err := client.Get(m.url(appHost, "/"))
					if err != nil {
						t.Error(err)
						return
					}
					if response.StatusCode != 200 {
						t.Errorf("got %d", response.StatusCode)
					}
					_ = response.Body.Close()
					served.Add(1)
				}
			})
		}
		for i := range 200 {
			before := served.Load()
			g.live.Swap(next(i))
			if err := echo(socket, fmt.Sprint("message ", i)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a request after the swap", func() bool { return t.Failed() || served.Load() > before })
		}
		stop.Store(true)
		clients.Wait()
	})
}

// TestReuse: what did not change is not compiled again, and what the snapshot no
// longer has is dropped.
func TestReuse(t *testing.T) {
	address := proxytest.DeadAddress(t)
	g := start(t, app(gatelodge.BackendHTTP, address))
	before := g.server.table.Load()
	churned := plainSnapshot()
	churned.Hosts = before.snapshot.Hosts
	addBackends(churned, backend1(appKey, gatelodge.BackendHTTP, address, proxytest.DeadAddress(t)))
	g.live.Swap(churned)
	after := g.server.table.Load()
	if before.host(appHost) != after.host(appHost) {
		t.Error("new endpoints recompiled a host")
	}
	old, now := before.backends.Get(appKey), after.backends.Get(appKey)
	if old.upstream != now.upstream || old.eligible[0].endpoint != now.eligible[0].endpoint {
		t.Error("an endpoint that stayed lost its connections")
	}
	g.live.Swap(plainSnapshot())
	if n := len(g.server.upstreams.byKey); n != 0 {
		t.Errorf("%d unused upstreams are kept", n)
	}
}

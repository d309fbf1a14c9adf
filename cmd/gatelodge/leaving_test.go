package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// told is what replicas tell each other of their addresses, and a Source for each.
type told struct {
	objects objects.Objects

	mu      sync.Mutex
	leaving objects.Leaving
	dirty   []func()
}

func (w *told) Run(ctx context.Context, dirty func()) error {
	w.mu.Lock()
	w.dirty = append(w.dirty, dirty)
	w.mu.Unlock()
	dirty()
	<-ctx.Done()
	return nil
}

func (w *told) Objects() objects.Objects {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.objects
	o.Leaving, o.Now = w.leaving, time.Now()
	return o
}

func (w *told) tell(addresses []netip.Addr, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leaving = w.leaving.With(addresses, until)
	for _, dirty := range w.dirty {
		dirty()
	}
}

// toldReplica is a platform whose replicas know of each other.
type toldReplica struct {
	standalone
	world *told
}

func (r *toldReplica) leave(_ context.Context, addresses []netip.Addr, until time.Time) error {
	r.world.tell(addresses, until)
	return nil
}

// start serves the world at an address, without listeners.
func (w *told) start(t *testing.T, config string, addresses ...string) *gateway {
	g := newGateway(parsedConfig(t, config), w, io.Discard, slog.New(slog.DiscardHandler))
	g.platform = &toldReplica{world: w}
	g.leaving.interfaces = func() (own []netip.Addr) {
		for _, address := range addresses {
			own = append(own, netip.MustParseAddr(address))
		}
		return own
	}
	go objects.Follow(t.Context(), g.source, g.wakeBuild, g.rebuild)
	go g.keepAddresses(t.Context())
	synctest.Wait()
	return g
}

// answer is where shop.pke.example.com leads at a replica.
func answer(g *gateway) string {
	snapshot, _, _ := g.live.Current()
	var data []string
	for _, r := range snapshot.Views[0].Zones[0].Nodes.Get("shop.pke.example.com").Records {
		data = append(data, r.Data)
	}
	return fmt.Sprint(data)
}

func serial(t *testing.T, g *gateway) uint32 {
	t.Helper()
	serial, ok := g.dns.Serial("pke.example.com", "default")
	if !ok {
		t.Fatal("the zone has no serial")
	}
	return serial
}

const leavingConfig = `
apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
ingress: {withoutClass: true}
views: [{name: default, addresses: [%s]}]
dns: {addresses: [192.0.2.53], zones: [{name: pke.example.com, nameservers: [ns1], ttl: 30s}]}
`

func leavingWorld() *told {
	return &told{objects: kubetest.Manifests(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec: {rules: [{host: shop.pke.example.com}]}
`)}
}

// TestLeavesAnswersFirst: a replica with an address of its own goes on for two TTLs
// after all replicas have stopped naming it, and the zone has another serial. The one
// that takes its place is named again.
func TestLeavesAnswersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := leavingWorld()
		config := fmt.Sprintf(leavingConfig, "192.0.2.1, 192.0.2.2")
		a, b := w.start(t, config, "192.0.2.1", "10.0.0.1"), w.start(t, config, "192.0.2.2")
		before, began := serial(t, b), time.Now()
		left := make(chan time.Duration, 1)
		go func() {
			a.leaveAnswers(t.Context())
			left <- time.Since(began)
		}()
		time.Sleep(time.Second)
		for name, g := range map[string]*gateway{"the replica that leaves": a, "the other one": b} {
			if got := answer(g); got != "[192.0.2.2]" {
				t.Errorf("%s answers %s", name, got)
			}
			if now := serial(t, g); now == before {
				t.Errorf("%s has the serial of before", name)
			}
		}
		if took := <-left; took < time.Minute || took > time.Minute+time.Second {
			t.Errorf("it went on for %s, want two TTLs of 30s", took)
		}
		if got := answer(b); got != "[192.0.2.2]" {
			t.Errorf("while the connections of the other one end, a replica answers %s", got)
		}
		w.start(t, config, "192.0.2.1")
		time.Sleep(time.Second)
		if got := answer(b); got != "[192.0.2.1 192.0.2.2]" {
			t.Errorf("when there is a replica at the address again, the other one answers %s", got)
		}
	})
}

// TestLeavesAtOnce where none of the addresses goes with the replica, or no other
// one is left.
func TestLeavesAtOnce(t *testing.T) {
	for idea, test := range map[string]struct{ named, own string }{
		"a pod behind a load balancer": {"192.0.2.1, 192.0.2.2", "10.0.0.1"},
		"the only address":             {"192.0.2.1", "192.0.2.1"},
		"the only one of its family":   {`192.0.2.1, "2001:db8::1"`, "192.0.2.1"},
	} {
		t.Run(idea, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := leavingWorld()
				g := w.start(t, fmt.Sprintf(leavingConfig, test.named), test.own)
				before, began := answer(g), time.Now()
				g.leaveAnswers(t.Context())
				if took := time.Since(began); took > time.Second {
					t.Errorf("it went on for %s", took)
				}
				if got := answer(g); got != before {
					t.Errorf("it answers %s, before %s", got, before)
				}
			})
		})
	}
}

// TestDrainDNSDefault: without drain.dns it is twice the longest TTL of a zone.
func TestDrainDNSDefault(t *testing.T) {
	const zones = "apiVersion: gatelodge.dev/v1alpha1\nkind: GatewayConfig\ndns: {zones: [{name: a.example, ttl: 5m}, {name: b.example}]}\n"
	for text, want := range map[string]time.Duration{
		zones:                        10 * time.Minute,
		zones + "drain: {dns: 0s}\n": 0,
		zones + "drain: {dns: 1s}\n": time.Second,
		"apiVersion: gatelodge.dev/v1alpha1\nkind: GatewayConfig\n": 0,
	} {
		if got := parsedConfig(t, text).Kube.Settings.Drain.DNS; got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

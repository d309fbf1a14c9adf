package versions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/state"
)

// TestSerialAlwaysIncreases: it is the time, or where that would not be an
// increase one more than before (RFC 1982).
func TestSerialAlwaysIncreases(t *testing.T) {
	for _, test := range []struct {
		what  string
		last  uint32
		known bool
		now   int64
		want  uint32
	}{
		{"the first version", 0, false, 1000, 1000},
		{"a second change within the second", 1000, true, 1000, 1001},
		{"later", 1001, true, 2000, 2000},
		{"a clock that was set back", 2000, true, 500, 2001},
		{"half the circle is too far ahead", 1000, true, 1<<32 - 1, 1001},
		{"past the end of 32 bits", 1<<32 - 1, true, 1<<32 + 5, 5}, // 2106
		{"from the last number", 1<<32 - 1, true, 1<<32 - 1, 0},
	} {
		if got := nextSerial(test.last, test.known, time.Unix(test.now, 0)); got != test.want {
			t.Errorf("%s: serial %d, want %d", test.what, got, test.want)
		}
	}
}

var testKey = Key{"example", "default"}

// content is what a test publishes: a zone with these hosts.
func content(before *gatelodge.Zone, address string, names ...string) *gatelodge.Zone {
	next := gatelodge.Zone{Name: "example", Primary: "ns1.example", Hostmaster: "hostmaster.example", TTL: time.Minute, NegativeTTL: 5 * time.Second}
	if before != nil {
		next = *before
	}
	for _, label := range names {
		name := gatelodge.Name(label + ".example")
		var node *gatelodge.Node
		if address != "" {
			node = &gatelodge.Node{Name: name, Records: []gatelodge.Record{{Name: name, Type: "A", TTL: time.Minute, Data: address}}}
		}
		next.Nodes = next.Nodes.With(name, node)
	}
	return &next
}

// fleet is the replicas of a gateway that share a store, and what they have
// published so far: whatever happens, a serial has one content, and the serials of
// a replica, restarts included, don't go back.
type fleet struct {
	t     *testing.T
	store gatelodge.Store

	mu       sync.Mutex
	hashes   map[uint32]string
	serials  map[string]uint32
	versions int
}

type replica struct {
	*Zones
	name   string
	stop   context.CancelFunc
	lead   context.CancelFunc
	served *fleet
}

func newFleet(t *testing.T) *fleet {
	store, err := state.NewFolderStore(filepath.Join(t.TempDir(), "items"))
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{t: t, store: store, hashes: make(map[uint32]string), serials: make(map[string]uint32)}
}

func (f *fleet) published(name string, v *Version) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last, ok := f.serials[name]; ok && Less(v.Serial, last) {
		f.t.Errorf("%s goes back from serial %d to %d", name, last, v.Serial)
	}
	f.serials[name] = v.Serial
	if !v.Proven {
		return
	}
	hash := digestOf(v.Zone, nil).String()
	if other, ok := f.hashes[v.Serial]; ok && other != hash {
		f.t.Errorf("%s has other content under serial %d", name, v.Serial)
	} else if !ok {
		f.versions++
	}
	f.hashes[v.Serial] = hash
	for i, s := range v.Steps {
		if i > 0 && s.From != v.Steps[i-1].To || i == len(v.Steps)-1 && s.To != v.Serial {
			f.t.Errorf("%s: the steps to %d are no chain at %d", name, v.Serial, i)
		}
	}
}

// start runs a replica until it is stopped.
func (f *fleet) start(name string) *replica {
	ctx, stop := context.WithCancel(f.t.Context())
	r := &replica{name: name, stop: stop, served: f}
	r.Zones = New(f.store, func(_ Key, v *Version) { f.published(name, v) }, slog.New(slog.DiscardHandler))
	go func() {
		if err := r.Follow(ctx); err != nil {
			f.t.Error(err)
		}
	}()
	return r
}

func (r *replica) elect() {
	ctx, lead := context.WithCancel(r.served.t.Context())
	r.lead = lead
	go r.Lead(ctx)
}

func (r *replica) kill() {
	r.stop()
	if r.lead != nil {
		r.lead()
	}
}

// agree waits until all is quiet, and fails unless all replicas publish this.
func (f *fleet) agree(want *gatelodge.Zone, replicas ...*replica) *Version {
	f.t.Helper()
	time.Sleep(10 * time.Second) // of the bubble
	synctest.Wait()
	first := replicas[0].Published(testKey)
	for _, r := range replicas {
		v := r.Published(testKey)
		if v == nil || !v.Proven || v.Serial != first.Serial || digestOf(v.Zone, nil).String() != digestOf(want, nil).String() {
			f.t.Fatalf("%s publishes %v, the first replica %v", r.name, v, first)
		}
	}
	return first
}

func (f *fleet) deleteItem() {
	item, err := f.store.Get(f.t.Context(), testKey.item())
	if err == nil {
		err = f.store.Delete(f.t.Context(), testKey.item(), item.Version)
	}
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		f.t.Error(err)
	}
}

// TestReplicasAgree: whatever each replica builds in between, whichever leads, and
// whatever restarts or is deleted.
func TestReplicasAgree(t *testing.T) {
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) { testReplicasAgree(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func testReplicasAgree(t *testing.T, random *rand.Rand) {
	f := newFleet(t)
	zone := content(nil, "192.0.2.1", "ns1", "ns2")
	a, b := f.start("a"), f.start("b")
	replicas := []*replica{a, b}
	build := func(r *replica) { r.Built(testKey, zone) }
	build(a)
	build(b)
	a.elect()
	f.agree(zone, a, b)
	leader := 0
	for i := range 200 {
		address := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", ""}[random.IntN(4)]
		zone = content(zone, address, fmt.Sprintf("h%d", random.IntN(20)))
		for _, r := range replicas {
			if random.IntN(3) > 0 { // replicas put changes together differently
				build(r)
			}
		}
		time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
		switch i {
		case 40, 80: // the leader is killed, the other one takes over
			replicas[leader].kill()
			other := replicas[1-leader]
			other.elect()
			replicas[leader] = f.start(replicas[leader].name)
			build(replicas[leader])
			leader = 1 - leader
		case 100, 140:
			f.deleteItem()
		case 120, 160: // all restart, and at first there is no leader
			for i, r := range replicas {
				r.kill()
				replicas[i] = f.start(r.name)
				build(replicas[i])
			}
			if i == 160 {
				f.deleteItem()
			}
			time.Sleep(5 * time.Second)
			replicas[leader].elect()
		}
		if i%20 == 19 {
			for _, r := range replicas {
				build(r)
			}
			f.agree(zone, replicas...)
		}
	}
	f.agree(zone, replicas...)
	if f.versions < 50 {
		t.Errorf("there were %d versions only", f.versions)
	}
	for _, r := range replicas {
		r.kill()
	}
	synctest.Wait()
}

// TestRestartWithinASecond: although the item is lost and the process knows nothing of
// it, the serial is a later one.
func TestRestartWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		zone := content(nil, "192.0.2.1", "ns1")
		for range 3 {
			a := f.start("a")
			a.elect()
			a.Built(testKey, zone)
			f.agree(zone, a)
			zone = content(zone, "192.0.2.1", fmt.Sprintf("h%d", zone.Nodes.Len()))
			a.Built(testKey, zone)
			time.Sleep(10 * time.Millisecond)
			a.kill()
			synctest.Wait()
			f.deleteItem()
			zone = content(zone, "192.0.2.1", fmt.Sprintf("h%d", zone.Nodes.Len()))
		}
		if f.versions != 6 {
			t.Errorf("%d versions, want 6", f.versions)
		}
	})
}

// TestOlderItemComesBack: an item that was restored from a backup is replaced by
// the same content under a serial after all others.
func TestOlderItemComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.start("a"), f.start("b")
		defer a.kill()
		defer b.kill()
		a.elect()
		zone := content(nil, "192.0.2.1", "ns1")
		for _, r := range []*replica{a, b} {
			r.Built(testKey, zone)
		}
		f.agree(zone, a, b)
		old, err := f.store.Get(t.Context(), testKey.item())
		if err != nil {
			t.Fatal(err)
		}
		zone = content(zone, "192.0.2.2", "www")
		for _, r := range []*replica{a, b} {
			r.Built(testKey, zone)
		}
		before := f.agree(zone, a, b)
		now, err := f.store.Get(t.Context(), testKey.item())
		if err != nil {
			t.Fatal(err)
		}
		old.Version = now.Version
		if _, err := f.store.Put(t.Context(), testKey.item(), old); err != nil {
			t.Fatal(err)
		}
		if after := f.agree(zone, a, b); !Less(before.Serial, after.Serial) {
			t.Errorf("serial %d after %d", after.Serial, before.Serial)
		}
		item, err := f.store.Get(t.Context(), testKey.item())
		if err != nil || string(item.Data[partSerial]) != string(formatSerial(a.Published(testKey).Serial)) {
			t.Errorf("the store has %s, %v", item.Data[partSerial], err)
		}
	})
}

// TestUnreadableItemIsReplaced.
func TestUnreadableItemIsReplaced(t *testing.T) {
	for name, data := range map[string]map[string][]byte{
		"empty":        {},
		"other zone":   {partZone: []byte("other"), partView: []byte("default")},
		"no serial":    {partZone: []byte("example"), partView: []byte("default"), partSerial: []byte("x")},
		"broken step":  {partZone: []byte("example"), partView: []byte("default"), partSerial: []byte("7"), partSOA: []byte("{}"), partStep + "7": []byte("[")},
		"broken base":  {partZone: []byte("example"), partView: []byte("default"), partSerial: []byte("7"), partSOA: []byte("{}"), partBase: []byte("x"), partBaseAt: []byte("7")},
		"step to self": {partZone: []byte("example"), partView: []byte("default"), partSerial: []byte("7"), partSOA: []byte("{}"), partStep + "7": []byte(`{"from":7}`)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				if _, err := f.store.Put(t.Context(), testKey.item(), gatelodge.Item{Data: data}); err != nil {
					t.Fatal(err)
				}
				a, b := f.start("a"), f.start("b")
				defer a.kill()
				defer b.kill()
				a.elect()
				zone := content(nil, "192.0.2.1", "ns1")
				a.Built(testKey, zone)
				b.Built(testKey, zone)
				f.agree(zone, a, b)
			})
		})
	}
}

// TestHistoryIsBounded: however much changes, what is kept fits into a ConfigMap.
func TestHistoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a := f.start("a")
		defer a.kill()
		a.elect()
		zone := content(nil, "192.0.2.1", "ns1")
		for i := range 60 {
			var names []string
			for j := range 50 {
				names = append(names, fmt.Sprintf("some-host-with-a-longer-name-%d-%d", i, j))
			}
			zone = content(zone, "192.0.2.2", names...)
			a.Built(testKey, zone)
			f.agree(zone, a)
			item, err := f.store.Get(t.Context(), testKey.item())
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, part := range item.Data {
				size += len(part)
			}
			if size > maxStepBytes+maxBaseBytes+1000 {
				t.Fatalf("after %d versions the item has %d bytes", i, size)
			}
		}
		b := f.start("b") // which proves the version by the base, because it builds something else
		defer b.kill()
		b.Built(testKey, content(zone, "192.0.2.3", "other"))
		f.agree(zone, a, b)
	})
}

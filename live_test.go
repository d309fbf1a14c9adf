package gatelodge_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	gatelodge "gatelodge.dev"
)

// hosts returns a snapshot of hosts with these names, which must be sorted.
func hosts(names ...gatelodge.Name) *gatelodge.Snapshot {
	var list []*gatelodge.Host
	for _, n := range names {
		list = append(list, &gatelodge.Host{Name: n})
	}
	return &gatelodge.Snapshot{Hosts: gatelodge.HostMap(list...)}
}

func TestNothingIsLiveBeforeTheFirstSwap(t *testing.T) {
	var live gatelodge.Live
	table := gatelodge.NewTable(&live, func(s *gatelodge.Snapshot, _ *gatelodge.Snapshot) *gatelodge.Snapshot { return s }, nil)
	if s, generation, _ := live.Current(); s != nil || generation != 0 || table.Load() != nil {
		t.Errorf("before a swap: snapshot %v, generation %d, table %v", s, generation, table.Load())
	}
}

func TestCompileSeesTheTableBefore(t *testing.T) {
	var live gatelodge.Live
	var published []int
	table := gatelodge.NewTable(&live,
		func(_ *gatelodge.Snapshot, previous int) int { return previous + 1 },
		func(n int) { published = append(published, n) })
	for range 3 {
		live.Swap(hosts())
	}
	if _, generation, _ := live.Current(); table.Load() != 3 || generation != 3 || !slices.Equal(published, []int{1, 2, 3}) {
		t.Errorf("after three swaps: table %d, generation %d, published %v", table.Load(), generation, published)
	}
}

func TestTablesOfOneSwapAppearTogether(t *testing.T) {
	var live gatelodge.Live
	count := func(s *gatelodge.Snapshot, _ int) int { return s.Hosts.Len() }
	first, second := gatelodge.NewTable(&live, count, nil), gatelodge.NewTable(&live, count, nil)

	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// The second table is loaded later, so it can only be newer.
				if a, b := first.Load(), second.Load(); b < a {
					t.Errorf("the second table shows %d hosts after the first showed %d", b, a)
					return
				}
			}
		})
	}
	next := hosts()
	for i := range 500 {
		name := gatelodge.Name(fmt.Sprint("host", i))
		next = &gatelodge.Snapshot{Hosts: next.Hosts.With(name, &gatelodge.Host{Name: name})}
		live.Swap(next)
	}
	close(stop)
	readers.Wait()
}

func TestNewTableAfterASwapPanics(t *testing.T) {
	var live gatelodge.Live
	live.Swap(hosts())
	defer func() {
		if recover() == nil {
			t.Error("a table that would miss the snapshot was accepted")
		}
	}()
	gatelodge.NewTable(&live, func(*gatelodge.Snapshot, int) int { return 0 }, nil)
}

func TestChangesNameWhatDiffers(t *testing.T) {
	before := hosts("a.example", "b.example", "c.example")
	after := &gatelodge.Snapshot{Hosts: gatelodge.HostMap(before.Hosts.Get("a.example"), &gatelodge.Host{Name: "b.example"}, &gatelodge.Host{Name: "d.example"})}
	want := []string{"host b.example", "host c.example", "host d.example"}
	if got := after.Changes(before); !slices.Equal(got, want) {
		t.Errorf("changes %q, want %q", got, want)
	}
	if got := after.Changes(after); len(got) != 0 {
		t.Errorf("a snapshot differs from itself: %q", got)
	}
	zone := func(nodes ...*gatelodge.Node) *gatelodge.Snapshot {
		return &gatelodge.Snapshot{Views: []*gatelodge.View{{Name: "v", Zones: []*gatelodge.Zone{{Name: "example", Nodes: gatelodge.NodeMap(nodes...)}}}}}
	}
	kept, gone := &gatelodge.Node{Name: "kept.example"}, &gatelodge.Node{Name: "gone.example"}
	if got := zone(kept).Changes(zone(kept, gone)); !slices.Equal(got, []string{"node v/example gone.example"}) {
		t.Errorf("changes of a zone: %q", got)
	}
	if got := hosts().Changes(zone(kept)); !slices.Equal(got, []string{"node v/example kept.example"}) {
		t.Errorf("changes when a zone goes: %q", got)
	}
}

package gatelodge

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

type number int

func (a number) Compare(b number) int { return cmp.Compare(a, b) }

// reference is a plain map, as the expected content of a Map.
type reference map[number]int

func (r reference) keys() []number { return slices.Sorted(maps.Keys(r)) }

func (r reference) sorted() iter.Seq2[number, int] {
	return func(yield func(number, int) bool) {
		for _, key := range r.keys() {
			if !yield(key, r[key]) {
				return
			}
		}
	}
}

// checkMap compares the content of m with want, and its shape with that of a Map
// built from want in one go.
func checkMap(t *testing.T, m Map[number, int], want reference) {
	t.Helper()
	if m.Len() != len(want) {
		t.Fatalf("Len is %d, want %d", m.Len(), len(want))
	}
	keys := want.keys()
	var got []number
	for key, value := range m.All() {
		got = append(got, key)
		if value != want[key] || m.Get(key) != value {
			t.Fatalf("key %d has %d and %d, want %d", key, value, m.Get(key), want[key])
		}
	}
	if !slices.Equal(got, keys) {
		t.Fatalf("keys %v, want %v", got, keys)
	}
	for key := number(-1); key < 12; key++ {
		at, _ := slices.BinarySearch(keys, key)
		if m.Get(key) != want[key] {
			t.Fatalf("key %d has %d, want %d", key, m.Get(key), want[key])
		}
		if got := slices.Collect(keysOf(m.From(key))); !slices.Equal(got, keys[at:]) {
			t.Fatalf("from %d: %v, want %v", key, got, keys[at:])
		}
	}
	if cold := NewMap(want.sorted()); !sameShape(m.root, cold.root) {
		t.Fatalf("a Map of %d keys has another shape when it is made in one go", m.Len())
	}
}

func keysOf[K, V any](seq iter.Seq2[K, V]) iter.Seq[K] {
	return func(yield func(K) bool) {
		seq(func(key K, _ V) bool { return yield(key) })
	}
}

func sameShape(a, b *mapNode[number, int]) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.level == b.level && slices.Equal(a.items, b.items) && slices.EqualFunc(a.kids, b.kids, sameShape)
}

// checkChanges compares the changes between two Maps with those between the references.
func checkChanges(t *testing.T, before, after Map[number, int], old, now reference) {
	t.Helper()
	want := make(map[number]Change[int])
	for key := range old {
		want[key] = Change[int]{old[key], now[key]}
	}
	for key := range now {
		want[key] = Change[int]{old[key], now[key]}
	}
	maps.DeleteFunc(want, func(_ number, c Change[int]) bool { return c.Before == c.After })
	got := make(map[number]Change[int])
	last := number(-1)
	for key, change := range after.Changes(before) {
		if key <= last {
			t.Fatalf("key %d comes after %d", key, last)
		}
		got[key], last = change, key
	}
	if !maps.Equal(got, want) {
		t.Fatalf("changes %v, want %v", got, want)
	}
}

// TestMapHistories makes Maps of few and of many keys by edits, and checks that
// every version still has its content after later versions were made from it.
func TestMapHistories(t *testing.T) {
	for _, keys := range []int{1, 3, 10, 100, 5000} {
		t.Run(fmt.Sprint(keys), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(keys)))
			type version struct {
				m    Map[number, int]
				want reference
			}
			versions := []version{{want: reference{}}}
			for range 60 {
				from := versions[random.IntN(len(versions))]
				want, edit := maps.Clone(from.want), from.m.Edit()
				for range random.IntN(min(2*keys, 500)) {
					key := number(random.IntN(keys))
					value := max(0, random.IntN(4)-1)
					edit.Set(key, value)
					if want[key] = value; value == 0 {
						delete(want, key)
					}
					if random.IntN(50) == 0 {
						versions = append(versions, version{edit.Map(), maps.Clone(want)})
					}
				}
				versions = append(versions, version{edit.Map(), want})
			}
			for range 200 {
				a, b := versions[random.IntN(len(versions))], versions[random.IntN(len(versions))]
				checkChanges(t, a.m, b.m, a.want, b.want)
			}
			for i := 0; i < len(versions); i += 1 + len(versions)/100 {
				checkMap(t, versions[i].m, versions[i].want)
			}
		})
	}
}

func FuzzMap(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0x81, 2, 3}, uint8(3))
	f.Fuzz(func(t *testing.T, edits []byte, pause uint8) {
		var before Map[number, int]
		old, now := reference{}, reference{}
		edit := before.Edit()
		for i, e := range edits {
			if i == int(pause) {
				before, old = edit.Map(), maps.Clone(now)
			}
			key, value := number(e&0x3f), int(e>>6)
			edit.Set(key, value)
			if now[key] = value; value == 0 {
				delete(now, key)
			}
		}
		after := edit.Map()
		checkMap(t, before, old)
		checkMap(t, after, now)
		checkChanges(t, before, after, old, now)
	})
}

func TestNewMapInAnyOrder(t *testing.T) {
	want := reference{}
	for i := range 1000 {
		want[number(i)] = i % 5
	}
	for _, order := range []string{"ascending", "descending", "shuffled"} {
		keys := want.keys()
		switch order {
		case "descending":
			slices.Reverse(keys)
		case "shuffled":
			rand.New(rand.NewPCG(1, 1)).Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		}
		m := NewMap(func(yield func(number, int) bool) {
			for _, key := range append(keys, 7, 7) { // the last value wins
				if !yield(key, want[key]) {
					return
				}
			}
		})
		some := maps.Clone(want)
		maps.DeleteFunc(some, func(_ number, value int) bool { return value == 0 })
		checkMap(t, m, some)
	}
}

func TestUnchangedMapIsTheSame(t *testing.T) {
	m := Map[number, int]{}.With(1, 1).With(2, 2)
	if m.With(1, 1) != m || m.Without(3) != m || m.Edit().Map() != m {
		t.Error("an edit without a change made another Map")
	}
	if m.With(1, 2) == m {
		t.Error("a Map with another value is the same")
	}
}

func TestIterationEndsEarly(t *testing.T) {
	var m Map[number, int]
	for i := range 1000 {
		m = m.With(number(i), i+1)
	}
	for most := range 100 {
		for name, seq := range map[string]iter.Seq2[number, int]{"All": m.All(), "From": m.From(300)} {
			n := 0
			for range seq {
				if n++; n > most {
					break
				}
			}
			if n != most+1 {
				t.Fatalf("%s went on for %d, want %d", name, n, most+1)
			}
		}
	}
	for range m.Changes(Map[number, int]{}) {
		break
	}
}

// bigMap has a value for each even number below 40,000.
func bigMap() Map[number, any] {
	return NewMap(func(yield func(number, any) bool) {
		for i := range 20000 {
			if !yield(number(2*i), 1) {
				return
			}
		}
	})
}

// newNodes returns the nodes below n that are not in known, and adds them to it.
func newNodes(n *mapNode[number, any], known map[*mapNode[number, any]]bool) (nodes []*mapNode[number, any]) {
	if n == nil || known[n] {
		return nil
	}
	known[n] = true
	nodes = append(nodes, n)
	for _, kid := range n.kids {
		nodes = append(nodes, newNodes(kid, known)...)
	}
	return nodes
}

func TestEditCopiesFewNodes(t *testing.T) {
	m, known := bigMap(), make(map[*mapNode[number, any]]bool)
	newNodes(m.root, known)
	const edits = 500
	copied := 0
	random := rand.New(rand.NewPCG(1, 1))
	for range edits {
		key := number(random.IntN(40000))
		if m.Get(key) == nil {
			m = m.With(key, 1)
		} else {
			m = m.Without(key)
		}
		for _, n := range newNodes(m.root, known) {
			copied += len(n.items)
		}
	}
	if each := copied / edits; each > 500 {
		t.Errorf("an edit copies %d items", each)
	}
}

// TestChangesSkipsWhatIsShared puts values that can't be compared into all nodes
// that two Maps share, so that comparing one panics.
func TestChangesSkipsWhatIsShared(t *testing.T) {
	before := bigMap()
	edit := before.Edit()
	edit.Set(20000, 2)
	edit.Set(30000, 3)
	after := edit.Map()

	ofBefore, ofAfter := make(map[*mapNode[number, any]]bool), make(map[*mapNode[number, any]]bool)
	newNodes(after.root, ofAfter)
	for _, n := range newNodes(before.root, ofBefore) {
		for i := range n.items {
			if ofAfter[n] {
				n.items[i].value = []string{"can't be compared"}
			}
		}
	}
	got := maps.Collect(after.Changes(before))
	if want := map[number]Change[any]{20000: {1, 2}, 30000: {1, 3}}; !maps.Equal(got, want) {
		t.Errorf("changes %v, want %v", got, want)
	}
}

func benchmarkMap(b *testing.B, run func(b *testing.B, m Map[Name, *Host], hosts []*Host)) {
	for _, size := range []int{2000, 20000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var hosts []*Host
			for i := range size {
				hosts = append(hosts, &Host{Name: Name(fmt.Sprintf("app%d.team%d.example.com", i%50, i/50))})
			}
			m := NewMap(func(yield func(Name, *Host) bool) {
				for _, h := range hosts {
					if !yield(h.Name, h) {
						return
					}
				}
			})
			b.ReportAllocs()
			run(b, m, hosts)
		})
	}
}

func BenchmarkMapGet(b *testing.B) {
	benchmarkMap(b, func(b *testing.B, m Map[Name, *Host], hosts []*Host) {
		for i := 0; b.Loop(); i++ {
			if h := hosts[i*7919%len(hosts)]; m.Get(h.Name) != h {
				b.Fatal(h.Name)
			}
		}
	})
}

// BenchmarkMapEdit removes a key, adds another, and finds both changes.
func BenchmarkMapEdit(b *testing.B) {
	benchmarkMap(b, func(b *testing.B, m Map[Name, *Host], hosts []*Host) {
		for i := 0; b.Loop(); i++ {
			at := i * 7919 % len(hosts)
			before, moved := m, &Host{Name: hosts[at].Name + "x"}
			edit := m.Edit()
			edit.Set(hosts[at].Name, nil)
			edit.Set(moved.Name, moved)
			m, hosts[at] = edit.Map(), moved
			changes := 0
			for range m.Changes(before) {
				changes++
			}
			if changes != 2 {
				b.Fatalf("%d changes", changes)
			}
		}
	})
}

func BenchmarkMapBuild(b *testing.B) {
	benchmarkMap(b, func(b *testing.B, m Map[Name, *Host], _ []*Host) {
		for b.Loop() {
			NewMap(m.All())
		}
	})
}

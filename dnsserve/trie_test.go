package dnsserve

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTrieIsAMapThatKeepsItsPast: after any changes a trie holds what a map
// would, and tries from before a change hold what they held.
func TestTrieIsAMapThatKeepsItsPast(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var now trie
	want := make(map[string]*node)
	type moment struct {
		trie trie
		want map[string]*node
	}
	var past []moment
	for step := range 5000 {
		label := fmt.Sprint(random.IntN(800))
		if random.IntN(3) == 0 {
			now = now.without(label)
			delete(want, label)
		} else {
			child := &node{label: label}
			now = now.with(child)
			want[label] = child
		}
		if step%500 == 0 {
			past = append(past, moment{now, maps.Clone(want)})
		}
	}
	past = append(past, moment{now, want})
	for i, m := range past {
		got := make(map[string]*node)
		m.trie.each(func(n *node) { got[n.label] = n })
		if !maps.Equal(got, m.want) {
			t.Fatalf("moment %d: %d children, want %d", i, len(got), len(m.want))
		}
		for label := range 800 {
			if got := m.trie.get([]byte(fmt.Sprint(label))); got != m.want[fmt.Sprint(label)] {
				t.Errorf("moment %d: child %d is %v", i, label, got)
			}
		}
	}
	for _, label := range slices.Collect(maps.Keys(want)) {
		now = now.without(label)
	}
	if !now.empty() {
		t.Error("a trie is not empty after the last child has gone")
	}
}

// TestTrieTellsLabelsOfOneHashApart, for which there is no example, so it
// starts where the hash is used up.
func TestTrieTellsLabelsOfOneHashApart(t *testing.T) {
	var list trie
	for _, label := range []string{"a", "b", "a"} {
		list = list.insert(&node{label: label}, 0, trieDepth)
	}
	if len(list.slots) != 2 {
		t.Errorf("%d children, want 2", len(list.slots))
	}
	if list = list.remove([]byte("a"), 0, trieDepth); len(list.slots) != 1 || list.slots[0].child.label != "b" {
		t.Errorf("left are %v", list.slots)
	}
}

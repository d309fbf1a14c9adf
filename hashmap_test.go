package gatelodge

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// TestHashMapHistories checks that every version still has its content after later
// versions were made from it.
func TestHashMapHistories(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	type version struct {
		m    HashMap[string, int]
		want map[string]int
	}
	for _, keys := range []int{2, 40, 2000} {
		versions := []version{{want: map[string]int{}}}
		for range 50 {
			from := versions[random.IntN(len(versions))]
			want, edit := maps.Clone(from.want), from.m.Edit()
			for range random.IntN(2 * keys) {
				key, value := fmt.Sprint("key", random.IntN(keys)), random.IntN(3)
				edit.Set(key, value)
				if want[key] = value; value == 0 {
					delete(want, key)
				}
			}
			versions = append(versions, version{edit.Map(), want})
		}
		for i, v := range versions {
			if got := maps.Collect(v.m.All()); !maps.Equal(got, v.want) || v.m.Empty() != (len(got) == 0) {
				t.Fatalf("version %d has %d keys, want %d", i, len(got), len(v.want))
			}
			for n := range keys {
				key := fmt.Sprint("key", n)
				if v.m.Get(key) != v.want[key] || v.m.GetBytes([]byte(key)) != v.want[key] {
					t.Fatalf("version %d has %d and %d under %s, want %d", i, v.m.Get(key), v.m.GetBytes([]byte(key)), key, v.want[key])
				}
			}
		}
		last := versions[len(versions)-1]
		for key := range last.want {
			last.m = last.m.With(key, 0)
		}
		if last.m != (HashMap[string, int]{}) {
			t.Error("a HashMap without keys is not the empty one")
		}
	}
}

// TestHashMapKeysOfOneHash starts at the depth where the hash is used up, since no
// two keys with equal hashes are known.
func TestHashMapKeysOfOneHash(t *testing.T) {
	e := HashMap[string, int]{}.Edit()
	var n *hashNode[string, int]
	for i, key := range []string{"a", "b", "c", "a"} {
		n = e.put(n, hashSlot[string, int]{key: key, value: i + 1}, 0, hashLevels)
	}
	n = e.remove(n, "b", 0)
	if a, b, c := hashGet(n, 0, "a"), hashGet(n, 0, "b"), hashGet(n, 0, []byte("c")); a != 4 || b != 0 || c != 3 || len(n.slots) != 2 {
		t.Errorf("got %d, %d and %d, want 4, 0 and 3", a, b, c)
	}
}

func TestHashMapGetDoesNotAllocate(t *testing.T) {
	m := HashMap[Name, int]{}.With("app.example.com", 1)
	name, octets := Name("app.example.com"), []byte("app.example.com")
	if n := testing.AllocsPerRun(100, func() { _ = m.Get(name) + m.GetBytes(octets) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

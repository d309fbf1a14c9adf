package gatelodge_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestDifferences(t *testing.T) {
	backend := func(key string) *gatelodge.Backend { return &gatelodge.Backend{Key: key} }
	a, b, c, d, otherB := backend("a"), backend("b"), backend("c"), backend("d"), backend("b")
	list := func(items ...*gatelodge.Backend) []*gatelodge.Backend { return items }
	for _, test := range []struct {
		name          string
		before, after []*gatelodge.Backend
		want          string
	}{
		{"nothing", nil, nil, ""},
		{"the same", list(a, b), list(a, b), ""},
		{"from nothing", nil, list(a, b), "+a +b"},
		{"to nothing", list(a, b), nil, "-a -b"},
		{"in the middle", list(a, b, d), list(a, c, d), "-b +c"},
		{"at both ends", list(b, c), list(a, b, c, d), "+a +d"},
		{"other content", list(a, b, c), list(a, otherB, c), "~b"},
	} {
		var got []string
		gatelodge.Differences(test.before, test.after, gatelodge.CompareBackends, func(before, after *gatelodge.Backend) {
			switch {
			case before == nil:
				got = append(got, "+"+after.Key)
			case after == nil:
				got = append(got, "-"+before.Key)
			default:
				got = append(got, "~"+after.Key)
			}
		})
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, want %s", test.name, got, test.want)
		}
	}
}

// TestSharedMap compares it with a plain map, and looks whether the maps that
// others were made of stay what they were.
func TestSharedMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	type version struct {
		shared gatelodge.SharedMap[string, int]
		plain  map[string]int
	}
	key := func() string { return fmt.Sprint("key", random.IntN(2000)) }
	now := version{plain: map[string]int{}}
	var versions []version
	for range 50 {
		next, edit := version{plain: map[string]int{}}, now.shared.Edit()
		for k, v := range now.plain {
			next.plain[k] = v
		}
		for range random.IntN(200) {
			k := key()
			if random.IntN(3) == 0 {
				delete(next.plain, k)
				edit.Delete(k)
			} else {
				next.plain[k] = random.IntN(1000) + 1
				edit.Put(k, next.plain[k])
			}
		}
		next.shared = edit.Map()
		versions = append(versions, next)
		now = next
	}
	for i, v := range versions {
		for n := range 2000 {
			k := fmt.Sprint("key", n)
			if got := v.shared.Get(k); got != v.plain[k] {
				t.Fatalf("version %d has %d under %s, want %d", i, got, k, v.plain[k])
			}
		}
	}
	if got := (gatelodge.SharedMap[string, int]{}).Get("a"); got != 0 {
		t.Errorf("an empty map has %d", got)
	}
	if unchanged := now.shared.Edit().Map(); !slices.Equal([]any{unchanged}, []any{now.shared}) {
		t.Error("an edit without a change made another map")
	}
}

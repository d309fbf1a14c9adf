package quota

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestQuota(t *testing.T) {
	var q Quota
	most := Bounds{All: 10, Each: 6}
	for _, step := range []struct {
		namespace string
		n         int64
		want      bool
	}{{"a", 6, true}, {"a", 1, false}, {"b", 5, false}, {"b", 4, true}, {"c", 1, false}, {"c", 0, true}} {
		if got := q.Take(step.namespace, step.n, most); got != step.want {
			t.Errorf("%d for %s: %v", step.n, step.namespace, got)
		}
	}
	q.Give("a", 6)
	if !q.Take("c", 6, most) || q.Used() != 10 {
		t.Errorf("%d are used", q.Used())
	}
	q.Give("b", 4)
	q.Give("c", 6)
	if q.Used() != 0 || len(q.by) > 1 { // c took nothing at first
		t.Errorf("%d are used, by %v", q.Used(), q.by)
	}
}

// TestQuotaOfMany: no bound is ever exceeded, and in the end nothing is left over.
func TestQuotaOfMany(t *testing.T) {
	var q Quota
	most := Bounds{All: 1000, Each: 300}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			namespace := fmt.Sprint("team-", i%5)
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range 2000 {
				n := random.Int64N(200)
				if !q.Take(namespace, n, most) {
					continue
				}
				if used := q.Used(); used > most.All {
					t.Errorf("%d are used", used)
				}
				q.Give(namespace, n)
			}
		})
	}
	all.Wait()
	if q.Used() != 0 {
		t.Errorf("%d are left over", q.Used())
	}
}

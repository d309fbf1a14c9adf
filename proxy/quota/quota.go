// Package quota divides something that there is little of, such as memory or room
// on a disk, among namespaces that don't trust each other. It knows neither what it
// is nor what it is for.
package quota

import (
	"math"
	"sync"
)

// Quota counts what is taken of it, in total and by namespace. The zero value is
// ready for use, and safe for several goroutines.
type Quota struct {
	mu   sync.Mutex
	used int64
	by   map[string]int64 // only those that have some
}

// Bounds are the most that may be taken in all, and for one namespace.
type Bounds struct{ All, Each int64 }

// Take takes n for a namespace, and reports whether there was as much left.
func (q *Quota) Take(namespace string, n int64, most Bounds) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used+n > most.All || q.by[namespace]+n > most.Each {
		return false
	}
	if q.by == nil {
		q.by = make(map[string]int64)
	}
	q.used += n
	q.by[namespace] += n
	return true
}

// Force takes n though there may not be as much left, for what can't wait and is
// soon given back.
func (q *Quota) Force(namespace string, n int64) {
	q.Take(namespace, n, Bounds{math.MaxInt64, math.MaxInt64})
}

// Give gives back what was taken.
func (q *Quota) Give(namespace string, n int64) {
	if n == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used -= n
	if q.by[namespace] -= n; q.by[namespace] == 0 {
		delete(q.by, namespace)
	}
}

// Used is how much is taken now.
func (q *Quota) Used() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

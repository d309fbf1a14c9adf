package proxy

import (
	"slices"
	"sync/atomic"
	"time"
)

// avoidRefused is how long an endpoint is skipped after a connection to it
// failed, so that a dead one does not cost every request a try.
const avoidRefused = time.Second

// turn counts the requests of an upstream, for round robin.
type turn struct{ n atomic.Uint64 }

// refusal remembers when an endpoint last refused a connection.
type refusal struct{ at atomic.Int64 } // Unix nanoseconds

func (r *refusal) note(now time.Time) { r.at.Store(now.UnixNano()) }
func (r *refusal) recent(now time.Time) bool {
	return now.UnixNano()-r.at.Load() < int64(avoidRefused)
}

// choose returns the endpoint for the next try of a request, by round robin. It
// skips those that were tried and, while there are others, those that refused a
// connection a moment ago. It returns nil when none is left.
func (b *backend) choose(tried []*endpoint, now time.Time) *endpoint {
	n := uint64(len(b.eligible))
	if n == 0 {
		return nil
	}
	start := b.upstream.turn.n.Add(1)
	var refused *endpoint
	for i := range n {
		e := b.eligible[(start+i)%n]
		switch {
		case slices.Contains(tried, e):
		case !e.refused.recent(now):
			return e
		case refused == nil:
			refused = e
		}
	}
	return refused
}

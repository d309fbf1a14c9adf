package proxy

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
)

// member is an endpoint of a backend that can be chosen.
type member struct {
	*endpoint
	weight int
	id     uint64 // hash of its address, so it is the same at every replica and after a restart
}

// turn counts the requests of an upstream for round robin.
type turn struct{ n atomic.Uint64 }

// choose returns the endpoint for the next attempt of a request, or nil when all
// were tried. It skips endpoints that were tried, and while there are others,
// endpoints that are out.
func (r *request) choose(b *backend, now time.Time) *endpoint {
	if r.route.inTurns && r.table.inTurns && len(r.tried) == 0 {
		// The common case.
		m := b.turn(b.upstream.turn.n.Add(1))
		if !m.health.isOut(now) {
			return m.endpoint
		}
	}
	c := choice{backend: b, tried: r.tried, now: now}
	if m := r.chooseAsAsked(&c); m != nil {
		return m.endpoint
	}
	return nil
}

func (r *request) chooseAsAsked(c *choice) *member {
	if r.route.inTurns && r.table.inTurns {
		return c.random() // because the endpoint whose turn it was can't be chosen
	}
	policy, settings := r.route.source.Policy, &r.table.settings.Balancing
	c.algorithm, c.slowStart = cmp.Or(policy.LoadBalance, settings.Algorithm), settings.SlowStart
	if policy.SlowStart != nil {
		c.slowStart = *policy.SlowStart
	}
	if policy.Affinity != nil {
		return r.bySession(c, policy.Affinity)
	}
	if by := policy.HashBy; by != nil {
		if key, ok := r.hashKey(by.Key); ok {
			return c.byHash(by, key)
		}
	}
	return c.byAlgorithm()
}

// inTurns reports whether a route uses the balancing of the settings.
func inTurns(p *gatelodge.Policy) bool {
	return p.LoadBalance <= gatelodge.RoundRobin && p.SlowStart == nil && p.HashBy == nil && p.Affinity == nil
}

// choice chooses an endpoint for one attempt of a request.
type choice struct {
	backend   *backend
	tried     []*endpoint
	now       time.Time
	slowStart time.Duration
	algorithm gatelodge.Algorithm
}

// byAlgorithm returns an endpoint for a request without a session or hash key.
func (c *choice) byAlgorithm() *member {
	switch c.algorithm {
	case gatelodge.LeastRequest:
		return c.leastRequest()
	case gatelodge.PeakEWMA:
		return c.peakEWMA()
	}
	return c.roundRobin()
}

// roundRobin returns the endpoint whose turn it is, or a random one if that can't
// be chosen, so that its share is spread evenly over all others.
func (c *choice) roundRobin() *member {
	m := c.backend.turn(c.backend.upstream.turn.n.Add(1))
	if c.may(m.endpoint) && c.admits(m.endpoint) {
		return m
	}
	return c.random()
}

// random returns a random endpoint, or nil when all were tried.
func (c *choice) random() *member {
	if m := c.draw(nil); m != nil {
		return m
	}
	return c.pick(nil, true)
}

// two returns two random endpoints. They are the same if there is only one, and nil
// when all were tried.
func (c *choice) two() (first, second *member) {
	if first = c.random(); first == nil {
		return nil, nil
	}
	if second = c.draw(first.endpoint); second == nil {
		second = first
	}
	return first, second
}

// draws is how many random endpoints are tried before pick scans all of them. The
// first one usually can be chosen.
const draws = 4

// draw returns a random endpoint, weighted, that may be chosen and is not except,
// or nil if there is none.
func (c *choice) draw(except *endpoint) *member {
	for range draws {
		m := c.backend.turn(c.backend.upstream.random())
		if m.endpoint != except && c.may(m.endpoint) && c.admits(m.endpoint) {
			return m
		}
	}
	return c.pick(except, false)
}

// pick is draw for when many endpoints can't be chosen: it scans all of them. With
// out it also considers endpoints that are out.
func (c *choice) pick(except *endpoint, out bool) *member {
	members := c.backend.eligible
	share := func(m *member) float64 {
		if m.endpoint == except || slices.Contains(c.tried, m.endpoint) || !out && m.health.isOut(c.now) {
			return 0
		}
		return float64(m.weight) * c.warmth(m.endpoint)
	}
	var sum float64
	for i := range members {
		sum += share(&members[i])
	}
	at := unit(c.backend.upstream.random()) * sum
	var last *member // in case of rounding errors
	for i := range members {
		if s := share(&members[i]); s > 0 {
			if last = &members[i]; at < s {
				return last
			}
			at -= s
		}
	}
	return last
}

// may reports whether the endpoint was not tried and is not out.
func (c *choice) may(e *endpoint) bool {
	return !e.health.isOut(c.now) && !slices.Contains(c.tried, e)
}

// slowest is the initial share of an endpoint in slow start. Without any requests
// it would never warm up.
const slowest = 0.1

// warmth returns the fraction of its share that an endpoint gets, which grows with
// its age during slow start.
func (c *choice) warmth(e *endpoint) float64 {
	age := c.now.Sub(e.since)
	if age >= c.slowStart {
		return 1
	}
	return max(float64(age)/float64(c.slowStart), slowest)
}

// admits reports, at random, whether an endpoint is chosen: with a probability of
// its warmth.
func (c *choice) admits(e *endpoint) bool {
	if c.slowStart == 0 {
		return true
	}
	warmth := c.warmth(e)
	return warmth == 1 || unit(c.backend.upstream.random()) < warmth
}

// unit converts a random number to a float in [0, 1).
func unit(random uint64) float64 { return float64(random>>11) / (1 << 53) }

// turn returns the endpoint for the nth request.
func (b *backend) turn(n uint64) *member {
	if b.turns == nil {
		return &b.eligible[n%uint64(len(b.eligible))]
	}
	return &b.eligible[b.turns[n%uint64(len(b.turns))]]
}

// turnsOf returns the order in which endpoints take turns, as indexes: each as
// often as its weight says, and evenly spread. It returns nil if all weights are
// equal, in which case they follow one another.
func turnsOf(members []member) []uint32 {
	divisor := 0
	for i := range members {
		divisor = greatestDivisor(members[i].weight, divisor)
	}
	if !slices.ContainsFunc(members, func(m member) bool { return m.weight != divisor }) {
		return nil
	}
	type seat struct {
		at    float64 // in the round, from 0 to 1
		place uint32
	}
	var seats []seat
	for i, m := range members {
		n := m.weight / divisor
		for k := range n {
			seats = append(seats, seat{(float64(k) + 0.5) / float64(n), uint32(i)})
		}
	}
	slices.SortStableFunc(seats, func(a, b seat) int { return cmp.Compare(a.at, b.at) })
	turns := make([]uint32, len(seats))
	for i, s := range seats {
		turns[i] = s.place
	}
	return turns
}

func greatestDivisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

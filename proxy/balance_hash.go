package proxy

import (
	"math"
	"strings"

	"github.com/cespare/xxhash/v2"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// hashKey returns the hash of the request's key. ok is false if the request has no key:
// all such requests would go to one endpoint.
func (r *request) hashKey(key gatelodge.Template) (hash uint64, ok bool) {
	var digest xxhash.Digest
	digest.Reset()
	for i := range key {
		switch part := &key[i]; part.Value {
		case gatelodge.ClientAddress:
			address := r.x.Client.Addr().Unmap().As16()
			_, _ = digest.Write(address[:])
			ok = true
		case gatelodge.RequestTarget:
			_, _ = digest.WriteString(r.path)
			_, _ = digest.WriteString(r.x.Query)
			ok = true
		default:
			value := r.value(part)
			_, _ = digest.WriteString(value)
			ok = ok || value != "" && part.Value != gatelodge.LiteralText
		}
	}
	return digest.Sum64(), ok
}

// cookieValue returns the first cookie of a name (RFC 6265 §4.2), or "".
func cookieValue(header exchange.Fields, name string) string {
	for i := range header {
		if header[i].Name != "cookie" {
			continue
		}
		for rest := header[i].Value; rest != ""; {
			var pair string
			pair, rest, _ = strings.Cut(rest, ";")
			if key, value, ok := strings.Cut(pair, "="); ok && strings.TrimSpace(key) == name {
				return strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return ""
}

// argumentValue returns the first argument of a name in a query, without decoding, or
// "".
func argumentValue(query, name string) string {
	for rest := strings.TrimPrefix(query, "?"); rest != ""; {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		if key, value, ok := strings.Cut(pair, "="); ok && key == name {
			return value
		}
	}
	return ""
}

// byHash returns the endpoint with the highest rank for a key (rendezvous hashing).
// When an endpoint disappears, only its keys move, each to the endpoint with the next
// rank; a new one takes an equal share from all others. There is no table, and the cost
// of a request grows with the number of endpoints (docs/performance.md).
func (c *choice) byHash(by *gatelodge.HashBy, key uint64) *member {
	var found *member
	if by.Subset > 1 {
		found = c.ofSubset(by.Subset, key)
	}
	if found == nil && by.Bound > 0 {
		c.backend.upstream.measure(measureInFlight)
		found = c.highest(key, by.Bound*c.backend.fairLoad())
	}
	if found == nil {
		found = c.highest(key, math.Inf(1))
	}
	if found == nil {
		found = c.random()
	}
	return found
}

// highest returns the endpoint with the highest rank among those that may be chosen and
// have fewer requests in flight than most for each unit of weight; nil if there is
// none.
func (c *choice) highest(key uint64, most float64) (found *member) {
	best := uint64(0)
	for i := range c.backend.eligible {
		m := &c.backend.eligible[i]
		// Few have a higher rank than all before them, so this is checked for few.
		if rank := c.backend.rank(m, key); rank >= best && c.may(m.endpoint) && (math.IsInf(most, 1) || m.perWeight() < most) {
			found, best = m, rank
		}
	}
	return found
}

// ofSubset returns one of the endpoints with the highest ranks, at random among those
// that may be chosen; nil if there is none. The subset stays the same while some of
// them are out.
func (c *choice) ofSubset(size int, key uint64) *member {
	var ranks [gatelodge.MaxSubset]uint64
	var subset [gatelodge.MaxSubset]*member
	n := 0
	for i := range c.backend.eligible {
		m := &c.backend.eligible[i]
		rank := c.backend.rank(m, key)
		if n == size && rank <= ranks[n-1] {
			continue
		}
		at := min(n, size-1)
		for ; at > 0 && ranks[at-1] < rank; at-- {
			ranks[at], subset[at] = ranks[at-1], subset[at-1]
		}
		ranks[at], subset[at] = rank, m
		n = min(n+1, size)
	}
	start := c.backend.upstream.random()
	for i := range uint64(n) {
		if m := subset[(start+i)%uint64(n)]; c.may(m.endpoint) {
			return m
		}
	}
	return nil
}

// rank returns the rank of an endpoint for a key. A weight raises it so that the
// endpoint has the highest rank for a proportional share of the keys (weighted
// rendezvous hashing).
func (b *backend) rank(m *member, key uint64) uint64 {
	rank := mix(m.id ^ key)
	if b.turns == nil {
		return rank
	}
	// Positive floating-point numbers compare like their bits.
	return math.Float64bits(float64(m.weight) / -math.Log((float64(rank>>11)+0.5)/(1<<53)))
}

// mix makes each bit depend on all others (MurmurHash3's finalizer).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// fairLoad is the number of requests in flight for each unit of weight, including this
// one, if they were spread evenly.
func (b *backend) fairLoad() float64 {
	weights := 0
	for i := range b.eligible {
		weights += b.eligible[i].weight
	}
	return float64(b.upstream.inFlight.Load()+1) / float64(weights)
}

package proxy

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	gatelodge "gatelodge.dev"
)

// clientTable counts the recent requests of each client to the routes of each Ingress.
// It outlives Snapshots, and its size is limited: each shard has two maps, and when one
// is full the older one is dropped, so the clients with the latest requests are kept. A
// client that is over its limit and continues is never dropped, whatever other clients
// do.
type clientTable struct {
	seed   maphash.Seed
	shards [clientShards]clientShard
}

// The size of the table: at most twice clientShards times shardClients clients
// are known, in 20 MB.
const (
	clientShards = 64
	shardClients = 1024
)

type clientShard struct {
	mu     sync.Mutex
	recent map[clientKey]*client
	older  map[clientKey]*client // without a request since recent began
	most   int                   // in recent
}

// clientKey is a client of an Ingress.
type clientKey struct {
	ingress unique.Handle[ingressName]
	client  netip.Prefix
}

type ingressName struct{ namespace, name string }

// client is the state of a client.
type client struct {
	// When the next request is due, in Unix nanoseconds, if requests came evenly
	// spread; guarded by the shard.
	second, minute int64
	open           atomic.Int32 // requests in progress; added to under the shard's lock
}

func newClientTable() *clientTable { return &clientTable{seed: maphash.MakeSeed()} }

// pace is a rate, with the generic cell rate algorithm, an exact leaky bucket without a
// timer. A request may come earlier than it is due, by as much as the burst allows.
type pace struct{ every, slack int64 } // nanoseconds; every 0: no limit

func newPace(requests int, period time.Duration, burst int) pace {
	if requests == 0 {
		return pace{}
	}
	// The burst is this multiple of the number of requests, each of which takes every.
	return pace{every: int64(period) / int64(requests), slack: int64(period) * int64(burst)}
}

// early returns how long a request has to wait that is due at that time.
func (p pace) early(due, now int64) time.Duration {
	if p.every == 0 {
		return 0
	}
	return time.Duration(max(0, due-now-p.slack))
}

// next returns when the request after this one is due.
func (p pace) next(due, now int64) int64 { return max(due, now) + p.every }

// clientPaces are ClientLimits in the form of the table.
type clientPaces struct {
	second, minute pace
	connections    int32
}

func newClientPaces(l *gatelodge.ClientLimits) clientPaces {
	return clientPaces{
		second:      newPace(l.PerSecond, time.Second, l.Burst),
		minute:      newPace(l.PerMinute, time.Minute, l.Burst),
		connections: int32(l.Connections),
	}
}

// clientLimit is one of ClientLimits.
type clientLimit uint8

const (
	noLimit clientLimit = iota
	limitSecond
	limitMinute
	limitConnections
)

// admit counts a request, unless a limit is exceeded: then it returns which one, and
// how long the client has to wait. A refused request does not count. If connections are
// limited, the caller decrements client.open at the end.
func (t *clientTable) admit(key clientKey, paces *clientPaces, now time.Time) (c *client, over clientLimit, wait time.Duration) {
	s := &t.shards[maphash.Comparable(t.seed, key)%clientShards]
	at := now.UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	c = s.client(key)
	if wait = paces.second.early(c.second, at); wait > 0 {
		return nil, limitSecond, wait
	}
	if wait = paces.minute.early(c.minute, at); wait > 0 {
		return nil, limitMinute, wait
	}
	if paces.connections > 0 {
		if c.open.Load() >= paces.connections {
			return nil, limitConnections, time.Second
		}
		c.open.Add(1)
	}
	c.second = paces.second.next(c.second, at)
	c.minute = paces.minute.next(c.minute, at)
	return c, noLimit, 0
}

// client returns the state of a client, and marks it as recent.
func (s *clientShard) client(key clientKey) *client {
	if c := s.recent[key]; c != nil {
		return c
	}
	c := s.older[key]
	if c == nil {
		c = new(client)
	}
	if s.recent == nil || len(s.recent) >= s.most {
		s.turn()
	}
	s.recent[key] = c
	return c
}

// turn drops the older clients, except those with requests in progress.
func (s *clientShard) turn() {
	next := make(map[clientKey]*client)
	for key, c := range s.older {
		if c.open.Load() > 0 {
			next[key] = c
		}
	}
	s.older, s.recent, s.most = s.recent, next, len(next)+shardClients
}

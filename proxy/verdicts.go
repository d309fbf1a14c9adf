package proxy

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// verdicts is the cache of services' decisions, for routes with auth-cache-key. It
// survives changes of the Snapshot. Each namespace has a share of the memory, so that
// it can't evict the entries of others. If all memory is used, the namespace with the
// most loses its least recently used entries.
type verdicts struct {
	mu     sync.Mutex
	kept   map[verdictKey]*list.Element // of a keptVerdict
	shares map[string]*verdictShare     // by namespace
	size   int
}

// verdictShare is the verdicts of a namespace.
type verdictShare struct {
	used list.List // the last used one at the front
	size int
}

type keptVerdict struct {
	key       verdictKey
	verdict   *verdict
	namespace string
	until     time.Time
}

// verdictKey is a hash of the cache key. Clients choose parts of the key, so it is a
// cryptographic hash, for which they can't find collisions.
type verdictKey [sha256.Size]byte

func verdictKeyOf(parts []string) (key verdictKey) {
	hash := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	hash.Sum(key[:0])
	return key
}

// Limits of the estimated memory, in bytes: of one verdict, of a namespace, and of all.
const (
	mostVerdict    = 8 << 10
	mostOfTeam     = 4 << 20
	mostOfVerdicts = 32 << 20
)

func newVerdicts() *verdicts {
	return &verdicts{kept: make(map[verdictKey]*list.Element), shares: make(map[string]*verdictShare)}
}

// get returns the cached verdict of a key, or nil.
func (c *verdicts) get(key verdictKey, now time.Time) *verdict {
	if key == (verdictKey{}) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept[key]
	if e == nil {
		return nil
	}
	k := e.Value.(*keptVerdict)
	if !now.Before(k.until) {
		c.forget(e)
		return nil
	}
	c.shares[k.namespace].used.MoveToFront(e)
	return k.verdict
}

// keep caches a verdict of a namespace's service for the time in v.keep, if any.
func (c *verdicts) keep(key verdictKey, v *verdict, namespace string, now time.Time) {
	size := v.size()
	if v.keep <= 0 || key == (verdictKey{}) || size > mostVerdict {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.kept[key]; e != nil { // from a request at the same time
		c.forget(e)
	}
	share := c.shares[namespace]
	if share == nil {
		share = new(verdictShare)
		c.shares[namespace] = share
	}
	c.kept[key] = share.used.PushFront(&keptVerdict{key, v, namespace, now.Add(v.keep)})
	share.size += size
	c.size += size
	for share.size > mostOfTeam {
		c.forget(share.used.Back())
	}
	for c.size > mostOfVerdicts {
		most := share
		for _, other := range c.shares {
			if other.size > most.size {
				most = other
			}
		}
		c.forget(most.used.Back())
	}
}

func (c *verdicts) forget(e *list.Element) {
	k := e.Value.(*keptVerdict)
	share, size := c.shares[k.namespace], k.verdict.size()
	share.used.Remove(e)
	share.size -= size
	c.size -= size
	delete(c.kept, k.key)
	if share.used.Len() == 0 {
		delete(c.shares, k.namespace)
	}
}

// asking counts the requests that wait for services, for each namespace.
type asking struct {
	mu    sync.Mutex
	count map[string]int
}

// enter counts one more request, or returns false if there are too many.
func (a *asking) enter(namespace string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[namespace] >= mostAsking {
		return false
	}
	if a.count == nil {
		a.count = make(map[string]int)
	}
	a.count[namespace]++
	return true
}

func (a *asking) leave(namespace string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count[namespace]--; a.count[namespace] == 0 {
		delete(a.count, namespace)
	}
}

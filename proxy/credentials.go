package proxy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
)

// verifiedMost is how many verified credentials are remembered: some 100 bytes
// each, twice.
const verifiedMost = 4096

// credentials checks passwords. Hashes are slow to compute by design, so what
// was right once is remembered, and only some are computed at a time: strangers
// that try passwords slow down each other and not the gateway.
type credentials struct {
	secret  [32]byte      // keys the memory, so that it holds nothing to try passwords on
	hashing chan struct{} // holds an item for each hash that is being computed

	mu     sync.Mutex
	recent map[[32]byte]struct{} // verified of late
	older  map[[32]byte]struct{} // verified before; forgotten when recent is full
}

func newCredentials() *credentials {
	c := &credentials{
		hashing: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		recent:  make(map[[32]byte]struct{}),
	}
	_, _ = rand.Read(c.secret[:]) // never fails
	return c
}

// check tells whether password is the one that was hashed. It fails only when
// ctx ends before its turn has come.
func (c *credentials) check(ctx context.Context, password, hash string) (bool, error) {
	key := c.key(password, hash)
	if c.verified(key) {
		return true, nil
	}
	select {
	case c.hashing <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	right := matchesHash(password, hash)
	<-c.hashing
	if right {
		c.remember(key)
	}
	return right, nil
}

// key stands for a password and a hash in memory.
func (c *credentials) key(password, hash string) (key [32]byte) {
	mac := hmac.New(sha256.New, c.secret[:])
	mac.Write([]byte(hash))
	mac.Write([]byte{0}) // in no hash: nothing moves from one part to the other
	mac.Write([]byte(password))
	mac.Sum(key[:0])
	return key
}

func (c *credentials) verified(key [32]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.recent[key]; ok {
		return true
	}
	if _, ok := c.older[key]; !ok {
		return false
	}
	c.add(key)
	return true
}

func (c *credentials) remember(key [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(key)
}

func (c *credentials) add(key [32]byte) {
	if len(c.recent) >= verifiedMost {
		c.older, c.recent = c.recent, make(map[[32]byte]struct{})
	}
	c.recent[key] = struct{}{}
}

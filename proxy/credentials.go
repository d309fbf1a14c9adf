package proxy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// verifiedMost is how many verified credentials each of the two generations
// remembers, at about 100 bytes each.
const verifiedMost = 4096

// credentials checks passwords. Hashes are slow to compute by design, so correct
// passwords are remembered, and others wait for a turn in a queue.
type credentials struct {
	secret [32]byte // keys the memory, so that passwords can't be tried on it
	queue  hashQueue

	mu     sync.Mutex
	recent map[[32]byte]struct{} // verified of late
	older  map[[32]byte]struct{} // verified before; dropped when recent is full
}

func newCredentials() *credentials {
	c := &credentials{
		queue:  hashQueue{free: max(1, runtime.GOMAXPROCS(0)/2)},
		recent: make(map[[32]byte]struct{}),
	}
	_, _ = rand.Read(c.secret[:]) // never fails
	return c
}

// asker is the client on whose behalf a password is checked.
type asker struct {
	host         gatelodge.Name
	client       netip.Prefix
	ctx          context.Context // ends when no request waits for the answer any more
	cancellation *exchange.Cancellation
}

// hangUpPeriod is the interval for checking whether a waiting client has disconnected.
const hangUpPeriod = 100 * time.Millisecond

// errHungUp: the client went away while it waited for its turn.
var errHungUp = fmt.Errorf("%w: hung up while its password waited to be checked", exchange.ErrClient)

// check reports whether password is the hashed one. It returns an error if there are
// too many to check, or the client disconnects before its turn.
func (c *credentials) check(by asker, password string, hash gatelodge.PasswordHash) (bool, error) {
	if !isSlow(hash) {
		return matchesHash(password, hash), nil
	}
	key := c.key(password, hash.Text)
	if c.verified(key) {
		return true, nil
	}
	if err := c.await(by); err != nil {
		return false, err
	}
	defer c.queue.done()
	if c.verified(key) { // a browser asks for several things at once
		return true, nil
	}
	right := matchesHash(password, hash)
	if right {
		c.remember(key)
	}
	return right, nil
}

// await returns nil when it is the asker's turn.
func (c *credentials) await(by asker) error {
	turn, err := c.queue.enter(by.host, by.client)
	if turn == nil {
		return err
	}
	look := time.NewTicker(hangUpPeriod)
	defer look.Stop()
	for {
		select {
		case err := <-turn.come:
			return err
		case <-by.ctx.Done():
		case <-look.C:
			if !by.cancellation.HungUp() {
				continue
			}
		}
		c.queue.leave(by.host, by.client, turn)
		return errHungUp
	}
}

// key returns the key for a password and a hash in memory.
func (c *credentials) key(password, hash string) (key [32]byte) {
	mac := hmac.New(sha256.New, c.secret[:])
	mac.Write([]byte(hash))
	mac.Write([]byte{0}) // no hash contains it, so the parts can't be confused
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

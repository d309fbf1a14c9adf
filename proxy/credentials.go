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

// credentials checks passwords. Hashes are slow to compute by design, so what
// was right once is remembered, and the rest waits for a turn in a queue.
type credentials struct {
	secret [32]byte // keys the memory, so that it holds nothing to try passwords on
	queue  hashQueue

	mu     sync.Mutex
	recent map[[32]byte]struct{} // verified of late
	older  map[[32]byte]struct{} // verified before; forgotten when recent is full
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

// hangUpPeriod is how often it is looked whether a client that waits has hung
// up.
const hangUpPeriod = 100 * time.Millisecond

// errHungUp: the client went away while it waited for its turn.
var errHungUp = fmt.Errorf("%w: hung up while its password waited to be checked", exchange.ErrClient)

// check reports whether password is the one that was hashed. It fails when
// there are too many to check, or the client goes away before its turn.
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

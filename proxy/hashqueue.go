package proxy

import (
	"errors"
	"net/netip"
	"slices"
	"sync"

	gatelodge "gatelodge.dev"
)

// The limits of passwords that wait for a hash to be computed.
const (
	waitingMost       = 512 // in all
	waitingMostClient = 16  // of one client at one host
)

var (
	errHashesOfClient = errors.New("too many passwords of this client wait to be checked")
	errHashesOfAll    = errors.New("too many passwords wait to be checked")
)

// hashQueue decides whose password is hashed next. Hashes are slow by design, so
// only a few are computed at a time, and password guessing must not keep others
// waiting: hosts take turns, and within a host its clients do. A full queue drops
// the newest entry of the host with the most entries.
type hashQueue struct {
	mu      sync.Mutex
	free    int         // hashes that may be begun at once
	waiting int         // in all lines
	hosts   []*hostLine // that have someone waiting; the first is next
}

// hostLine is the queue of a host.
type hostLine struct {
	name    gatelodge.Name
	waiting int
	clients []*clientLine // the first is next
}

// clientLine is the queue of a client at a host.
type clientLine struct {
	client  netip.Prefix
	waiting []*hashTurn
}

// hashTurn is an entry in the queue.
type hashTurn struct {
	come chan error // nil: it is your turn, and done is to be called; sent once
}

// clientOf is what counts as one client: an address, or of IPv6 the network
// that a subscriber is given (RFC 6177).
func clientOf(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	client, _ := address.Prefix(bits) // fails for no address at all, which is one client too
	return client
}

// enter asks for a turn. Nil: there is one right now.
func (q *hashQueue) enter(host gatelodge.Name, client netip.Prefix) (*hashTurn, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil, nil
	}
	h := q.line(host)
	if h == nil {
		h = &hostLine{name: host}
		q.hosts = append(q.hosts, h)
	}
	c := h.line(client)
	if c == nil {
		c = &clientLine{client: client}
		h.clients = append(h.clients, c)
	}
	turn := &hashTurn{come: make(chan error, 1)}
	c.waiting = append(c.waiting, turn)
	h.waiting++
	q.waiting++
	switch {
	case len(c.waiting) > waitingMostClient:
		q.remove(h, c, turn)
		return nil, errHashesOfClient
	case q.waiting > waitingMost:
		if q.giveUp() == turn {
			return nil, errHashesOfAll
		}
	}
	return turn, nil
}

// giveUp ends the wait of the newest of the client that waits for most, at the
// host that has most waiting.
func (q *hashQueue) giveUp() *hashTurn {
	h := slices.MaxFunc(q.hosts, func(a, b *hostLine) int { return a.waiting - b.waiting })
	c := h.clients[0]
	for _, other := range h.clients[1:] {
		if len(other.waiting) >= len(c.waiting) { // of equals the one that came last
			c = other
		}
	}
	turn := c.waiting[len(c.waiting)-1]
	q.remove(h, c, turn)
	turn.come <- errHashesOfAll
	return turn
}

// leave gives up a turn that was waited for, whether it has come meanwhile or
// not.
func (q *hashQueue) leave(host gatelodge.Name, client netip.Prefix, turn *hashTurn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if h := q.line(host); h != nil {
		if c := h.line(client); c != nil && slices.Contains(c.waiting, turn) {
			q.remove(h, c, turn)
			return
		}
	}
	if err := <-turn.come; err == nil {
		q.next()
	}
}

// done ends a turn and lets the next one come.
func (q *hashQueue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next()
}

func (q *hashQueue) next() {
	if len(q.hosts) == 0 {
		q.free++
		return
	}
	h := q.hosts[0]
	c := h.clients[0]
	turn := c.waiting[0]
	// Both go behind the others of their kind, if they have more waiting.
	q.hosts = append(q.hosts[1:], h)
	h.clients = append(h.clients[1:], c)
	q.remove(h, c, turn)
	turn.come <- nil
}

// remove takes a turn out of the lines, and lines that have become empty.
func (q *hashQueue) remove(h *hostLine, c *clientLine, turn *hashTurn) {
	q.waiting--
	h.waiting--
	c.waiting = slices.DeleteFunc(c.waiting, func(t *hashTurn) bool { return t == turn })
	if len(c.waiting) == 0 {
		h.clients = slices.DeleteFunc(h.clients, func(other *clientLine) bool { return other == c })
	}
	if h.waiting == 0 {
		q.hosts = slices.DeleteFunc(q.hosts, func(other *hostLine) bool { return other == h })
	}
}

func (q *hashQueue) line(host gatelodge.Name) *hostLine {
	for _, h := range q.hosts {
		if h.name == host {
			return h
		}
	}
	return nil
}

func (h *hostLine) line(client netip.Prefix) *clientLine {
	for _, c := range h.clients {
		if c.client == client {
			return c
		}
	}
	return nil
}

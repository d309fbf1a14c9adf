package exchange

import (
	"fmt"
	"io"
	"sync"
)

// ClientGone tells a handler that its client is gone, or that the time of the
// request is over, without a goroutine or an allocation for each request: a handler
// that waits for a backend has ClientGone close that connection. The zero value is ready for use, and nil does nothing.
type ClientGone struct {
	// Look, if set, reports whether the client is gone, for an engine that
	// otherwise notices only when it reads or writes. It may be called from any
	// goroutine and does not wait.
	Look func() bool

	mu      sync.Mutex
	gone    bool
	expired bool
	closer  io.Closer
}

// Watch closes c when the client goes away or the request's time is over, or at
// once if that has happened. It replaces the previous one; nil removes it.
func (g *ClientGone) Watch(c io.Closer) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closer = c
	if (g.gone || g.expired) && c != nil {
		_ = c.Close() // its user notices
	}
}

// Signal records that the client is gone. Engines call it, from any goroutine.
func (g *ClientGone) Signal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	g.close()
}

// Expire records that the time of the request is over. A handler calls it, from
// any goroutine, and Renew when the request has ended.
func (g *ClientGone) Expire() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expired = true
	g.close()
}

// Renew undoes Expire, for the next request on the connection.
func (g *ClientGone) Renew() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expired = false
}

func (g *ClientGone) close() {
	if g.closer != nil {
		_ = g.closer.Close() // its user notices
	}
}

var (
	errWentAway = fmt.Errorf("%w: went away", ErrClient)
	errExpired  = fmt.Errorf("%w: the request takes longer than it may", ErrTimeout)
)

// Err says why the request must not go on: an ErrClient after Signal, an
// ErrTimeout of neither peer after Expire, and nil while it may.
func (g *ClientGone) Err() error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.gone:
		return errWentAway
	case g.expired:
		return errExpired
	}
	return nil
}

// HungUp reports whether the client is gone, or has ended its side of the
// connection, which for a client that waits for an answer mostly means the
// same. It may make a system call.
func (g *ClientGone) HungUp() bool {
	return g != nil && (g.Err() == errWentAway || g.Look != nil && g.Look())
}

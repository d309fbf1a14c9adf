package exchange

import (
	"fmt"
	"io"
	"sync"
)

// Cancellation tells a handler that a request must end, because its client is gone or
// its time has passed. It needs no goroutine and no allocation for each request: it
// closes the connection to the backend that the handler waits for. The zero value is
// ready for use, and nil does nothing.
type Cancellation struct {
	// Look, if set, reports whether the client is gone, for an engine that
	// otherwise notices only when it reads or writes. It may be called from any
	// goroutine and does not wait.
	Look func() bool

	mu      sync.Mutex
	gone    bool
	expired bool
	closer  io.Closer
}

// Watch registers closer to be closed when the client goes away or the request's time
// has passed, or at once if that has happened. It replaces the previous one; nil
// removes it.
func (c *Cancellation) Watch(closer io.Closer) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closer = closer
	if (c.gone || c.expired) && closer != nil {
		_ = closer.Close() // its user notices
	}
}

// ClientGone records that the client is gone. Engines call it, from any goroutine.
func (c *Cancellation) ClientGone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.close()
}

// Expire records that the request's time has passed. A handler calls it, from any
// goroutine, and Renew when the request has ended.
func (c *Cancellation) Expire() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expired = true
	c.close()
}

// Renew undoes Expire, for the next request on the connection.
func (c *Cancellation) Renew() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expired = false
}

func (c *Cancellation) close() {
	if c.closer != nil {
		_ = c.closer.Close() // its user notices
	}
}

var (
	errWentAway = fmt.Errorf("%w: went away", ErrClient)
	errExpired  = fmt.Errorf("%w: the request takes longer than it may", ErrTimeout)
)

// Err returns why the request must end: an ErrClient after ClientGone, an ErrTimeout of
// neither peer after Expire, and otherwise nil.
func (c *Cancellation) Err() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.gone:
		return errWentAway
	case c.expired:
		return errExpired
	}
	return nil
}

// HungUp reports whether the client is gone, or has closed its side of the connection,
// which for a client that waits for an answer usually means the same. It may make a
// system call.
func (c *Cancellation) HungUp() bool {
	return c != nil && (c.Err() == errWentAway || c.Look != nil && c.Look())
}

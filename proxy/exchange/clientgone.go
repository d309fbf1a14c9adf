package exchange

import (
	"io"
	"sync"
)

// ClientGone tells a handler that its client is gone, without a goroutine or an
// allocation for each request: a handler that waits for a backend has ClientGone
// close that connection. The zero value is ready for use, and nil does nothing.
type ClientGone struct {
	// Look, if set, reports whether the client is gone, for an engine that
	// otherwise notices only when it reads or writes. It may be called from any
	// goroutine and does not wait.
	Look func() bool

	mu     sync.Mutex
	gone   bool
	closer io.Closer
}

// Watch closes c when the client goes away, or at once if it is already gone. It
// replaces the previous one; nil removes it.
func (g *ClientGone) Watch(c io.Closer) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closer = c
	if g.gone && c != nil {
		_ = c.Close() // its user notices
	}
}

// Signal records that the client is gone. Engines call it, from any goroutine.
func (g *ClientGone) Signal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	if g.closer != nil {
		_ = g.closer.Close() // its user notices
	}
}

// Signaled reports whether Signal was called.
func (g *ClientGone) Signaled() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.gone
}

// HungUp reports whether the client is gone, or has ended its side of the
// connection, which for a client that waits for an answer mostly means the
// same. It may make a system call.
func (g *ClientGone) HungUp() bool {
	return g != nil && (g.Signaled() || g.Look != nil && g.Look())
}

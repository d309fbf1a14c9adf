package exchange

import (
	"io"
	"sync"
)

// Gone is how a client's going away reaches who works for it, without a
// goroutine or an allocation for each request: a handler that waits for a
// backend has the connection to it watched. The zero Gone is ready for use, and
// a nil one never tells anything.
type Gone struct {
	// Look, if set, is how an engine that learns of a client's going only when
	// it reads or writes finds out at other times. It may be called from any
	// goroutine and does not wait.
	Look func() bool

	mu     sync.Mutex
	gone   bool
	closer io.Closer
}

// Watch has c closed when the client goes away, and at once if it has already.
// It takes the place of what was watched before; nil withdraws it.
func (g *Gone) Watch(c io.Closer) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closer = c
	if g.gone && c != nil {
		_ = c.Close() // whoever uses it finds out
	}
}

// Signal tells that the client is gone. Engines call it, from any goroutine.
func (g *Gone) Signal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	if g.closer != nil {
		_ = g.closer.Close() // whoever uses it finds out
	}
}

// Gone tells whether Signal was called.
func (g *Gone) Gone() bool {
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
func (g *Gone) HungUp() bool {
	return g != nil && (g.Gone() || g.Look != nil && g.Look())
}

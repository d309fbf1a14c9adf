//go:build !linux

package supervisor

import (
	"errors"
	"log/slog"
	"syscall"
)

// Run needs Linux.
func Run(*slog.Logger) (code int, err error) {
	return 0, errors.New("a supervisor needs Linux")
}

// Child does not exist on other systems: it is always nil.
type Child struct{}

// Connect returns nil.
func Connect() (*Child, error) { return nil, nil }

// Restarts returns 0.
func (*Child) Restarts() int { return 0 }

// Family returns "".
func (*Child) Family() string { return "" }

// Orphaned returns nil.
func (*Child) Orphaned() <-chan struct{} { return nil }

// Sockets returns what open opens.
func (*Child) Sockets(_ string, open func() ([]syscall.Conn, error)) ([]syscall.Conn, error) {
	return open()
}

// Serving does nothing.
func (*Child) Serving() error { return nil }

// Leaving does nothing.
func (*Child) Leaving() error { return nil }

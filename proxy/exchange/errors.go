package exchange

import "errors"

// Errors that engines wrap, on either side, for handlers to tell what went
// wrong and whose fault it is: one of the first two, and what fits of the rest.
var (
	ErrClient  = errors.New("client")  // the client broke off, or sent what can't be read
	ErrBackend = errors.New("backend") // the backend did

	ErrTimeout  = errors.New("timeout")   // the peer made no progress for as long as it may
	ErrTooLarge = errors.New("too large") // what the peer sent is over a limit

	// ErrUnsent: nothing of the request can have been processed, so it may go
	// to another endpoint whatever its method.
	ErrUnsent = errors.New("unsent")
)

package exchange

import "errors"

// Errors that engines wrap, on either side, so that handlers know which peer
// failed and why: one of the first two, and any of the others that applies.
var (
	ErrClient  = errors.New("client")  // the client left early, or sent something invalid
	ErrBackend = errors.New("backend") // the backend did

	ErrTimeout  = errors.New("timeout")   // the peer made no progress within the timeout
	ErrTooLarge = errors.New("too large") // what the peer sent exceeds a limit

	// ErrUnsent: nothing of the request can have been processed, so it may be
	// sent to another endpoint with any method.
	ErrUnsent = errors.New("unsent")

	// ErrUnprocessed comes with ErrUnsent where the endpoint has said so itself,
	// or had ended the connection before: that is no sign of trouble with it.
	ErrUnprocessed = errors.New("unprocessed")
)

package exchange

import "errors"

// Errors that engines wrap, on either side, so that handlers know which peer failed and
// why: one of the first two, and any of the others that apply.
var (
	ErrClient  = errors.New("client")  // the client left early, or sent something invalid
	ErrBackend = errors.New("backend") // the backend did

	ErrTimeout  = errors.New("timeout")   // the peer made no progress within the timeout
	ErrTooLarge = errors.New("too large") // what the peer sent exceeds a limit

	// ErrUnsent: nothing of the request can have been processed, so it may be
	// sent to another endpoint with any method.
	ErrUnsent = errors.New("unsent")

	// ErrUnprocessed comes with ErrUnsent if the endpoint itself has said so, or had
	// closed the connection before; then the endpoint is not faulty.
	ErrUnprocessed = errors.New("unprocessed")
)

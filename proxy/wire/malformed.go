package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"gatelodge.dev/proxy/exchange"
)

// Malformed is why a message is not valid, and the status for a request like it. The
// status has no meaning for a response.
type Malformed struct {
	Status int
	Reason string
}

// Error returns the reason.
func (m *Malformed) Error() string { return m.Reason }

// Badf returns a Malformed that is answered with 400.
func Badf(format string, args ...any) error { return Statusf(400, format, args...) }

// Statusf returns a Malformed.
func Statusf(status int, format string, args ...any) error {
	return &Malformed{status, fmt.Sprintf(format, args...)}
}

// TooLarge returns an error for a message that exceeds a limit: a Malformed that wraps
// exchange.ErrTooLarge.
func TooLarge(status int, format string, args ...any) error {
	return fmt.Errorf("%w: %w", exchange.ErrTooLarge, Statusf(status, format, args...))
}

// IsMalformed reports whether err is about an invalid message, and not about its
// connection.
func IsMalformed(err error) bool {
	var bad *Malformed
	return errors.As(err, &bad)
}

// Blame wraps an error of reading or writing with the peer that caused it, ErrClient or
// ErrBackend, and with ErrTimeout if it is one.
func Blame(whom error, doing string, err error) error {
	switch {
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w: %s: %w", whom, exchange.ErrTimeout, doing, err)
	}
	return fmt.Errorf("%w: %s: %w", whom, doing, err)
}

// Unsent returns the error for an endpoint that could not be connected to.
func Unsent(endpoint string, err error) error {
	if IsTimeout(err) {
		err = fmt.Errorf("%w: %w", exchange.ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w: connecting to %s: %w", exchange.ErrBackend, exchange.ErrUnsent, endpoint, err)
}

// IsTimeout reports whether err means that a deadline has passed.
func IsTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

package http1

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gatelodge.dev/proxy/exchange"
)

// malformed says why a message can't be read, and the status that answers a
// request like it. In a response the status means nothing.
type malformed struct {
	status int
	reason string
}

func (m *malformed) Error() string { return m.reason }

func badf(format string, args ...any) error {
	return &malformed{400, fmt.Sprintf(format, args...)}
}

// tooLarge is a malformed message that breaks a limit.
func tooLarge(status int, format string, args ...any) error {
	return fmt.Errorf("%w: %w", exchange.ErrTooLarge, &malformed{status, fmt.Sprintf(format, args...)})
}

var (
	errGone    = errors.New("the idle connection was closed by the peer")
	errStopped = errors.New("reading was ended")
)

// blame wraps an error of reading or writing with whose fault it is, and with
// ErrTimeout where that fits.
func blame(whom error, doing string, err error) error {
	switch {
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: %w: %s: %w", whom, exchange.ErrTimeout, doing, err)
	}
	return fmt.Errorf("%w: %s: %w", whom, doing, err)
}

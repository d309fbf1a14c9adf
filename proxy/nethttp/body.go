package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// requestBody is the body of a request that a client sends.
type requestBody struct {
	x       *exchange.Exchange
	request *http.Request
	control *http.ResponseController
	timeout time.Duration

	mu      sync.Mutex // guards what follows; not held while reading
	timer   *time.Timer
	closed  bool
	late    bool // closed because the client was too slow
	ended   bool // Read returned io.EOF
	waiting bool // a Read is under way
}

var errClosed = errors.New("the body is closed")

// Read reads from the client, for as long as it makes progress.
func (b *requestBody) Read(p []byte) (int, error) {
	if err := b.enter(); err != nil {
		return 0, err
	}
	n, err := b.request.Body.Read(p)
	b.x.Received += int64(n)
	return n, b.exit(err)
}

// enter starts the clock for one Read. net/http's own deadlines don't do: on
// HTTP/2 they end the body even where nobody reads.
func (b *requestBody) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return b.closedError()
	}
	b.waiting = true
	if b.timeout > 0 {
		if b.timer == nil {
			b.timer = time.AfterFunc(b.timeout, b.expire)
		} else {
			b.timer.Reset(b.timeout)
		}
	}
	return nil
}

// exit stops the clock and makes the error of a Read the exchange's.
func (b *requestBody) exit(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = false
	if b.timer != nil {
		b.timer.Stop()
	}
	switch {
	case err == nil:
		return nil
	case err == io.EOF:
		b.ended = true
		return io.EOF
	case b.closed:
		return b.closedError()
	}
	return fmt.Errorf("%w: read body: %w", exchange.ErrClient, err)
}

func (b *requestBody) closedError() error {
	if b.late {
		return fmt.Errorf("%w: read body: %w: nothing came for %s", exchange.ErrClient, exchange.ErrTimeout, b.timeout)
	}
	return fmt.Errorf("%w: read body: %w", exchange.ErrClient, errClosed)
}

// expire closes the body of a client that sends nothing.
func (b *requestBody) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting && !b.closed {
		b.late = true
		b.close()
	}
}

// Close ends reading, also a Read that is under way.
func (b *requestBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.close()
	return nil
}

func (b *requestBody) close() {
	if b.closed || b.ended {
		b.closed = true
		return
	}
	b.closed = true
	if b.request.ProtoMajor == 2 {
		_ = b.request.Body.Close() // only tells whether it was closed before
		return
	}
	// On HTTP/1 Close would wait for the Read that is under way.
	if b.waiting {
		_ = b.control.SetReadDeadline(past) // fails only where the connection is gone
	}
}

// Trailers returns the fields after the body.
func (b *requestBody) Trailers() exchange.Fields {
	if len(b.request.Trailer) == 0 {
		return nil
	}
	return appendFields(nil, b.request.Trailer)
}

// leftover is the most of a body that is read for the sake of the next request
// on the connection; net/http gives up at the same size.
const leftover = 256 << 10

// leave reads what is left of the body behind an answer that is complete, for
// the sake of the next request on the connection. net/http would do it after
// the handler, but with full duplex that ends the connection when it comes to
// the body's end.
func (b *requestBody) leave(complete bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
	}
	if b.ended || b.request.ProtoMajor == 2 || b.request.ContentLength == 0 {
		return
	}
	_ = b.control.SetReadDeadline(deadline(b.timeout)) // fails only where the connection is gone
	if !complete || b.closed || b.x.Waits || b.request.ContentLength > leftover {
		return
	}
	if b.control.Flush() == nil { // the client may want the answer before it sends more
		_, _ = io.CopyN(io.Discard, b.request.Body, leftover) // an error ends the connection, and nothing else
	}
}

// deadline is when a timeout that starts now is over; none for no timeout.
func deadline(timeout time.Duration) time.Time {
	if timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}

// isTimeout tells whether a deadline of the network was over.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

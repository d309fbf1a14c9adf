package nethttp

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"gatelodge.dev/proxy/exchange"
)

// outgoingBody is the exchange's request body as net/http's transport reads it,
// from a goroutine that may outlive the exchange: after leave it reads no more.
type outgoingBody struct {
	x       *exchange.Exchange
	trailer http.Header   // filled when the body ends
	kick    func()        // called when something was read
	gate    *gate         // nil for a client that does not wait to be asked
	over    chan struct{} // closed by leave

	reading sync.Mutex // held while the exchange's body is read
	touched bool
	err     error // what ended reading; io.EOF at the end of the body
	left    bool
}

func newOutgoingBody(x *exchange.Exchange, kick func()) *outgoingBody {
	b := &outgoingBody{x: x, kick: kick, over: make(chan struct{})}
	if x.Waits {
		b.gate = newGate()
	}
	return b
}

var errExchangeOver = errors.New("the exchange is over")

// Read reads from the exchange's body.
func (b *outgoingBody) Read(p []byte) (int, error) {
	if b.gate != nil {
		select {
		case <-b.gate.open:
		case <-b.over:
		}
	}
	b.reading.Lock()
	defer b.reading.Unlock()
	switch {
	case b.left:
		return 0, errExchangeOver
	case b.err != nil:
		return 0, b.err
	}
	b.touched = true
	n, err := b.x.Body.Read(p)
	b.kick()
	if err == io.EOF {
		addHeader(b.trailer, b.x.Body.Trailers())
	}
	b.err = err
	return n, err
}

// Close does nothing: net/http closes a body also where it is about to send it
// on another connection. What ends reading is leave.
func (b *outgoingBody) Close() error { return nil }

// again is http.Request.GetBody: a body that nobody read is as good as new.
func (b *outgoingBody) again() (io.ReadCloser, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.touched {
		return nil, errors.New("the body was sent in part")
	}
	return b, nil
}

// leave ends reading, waits for a Read that is under way, and returns the error
// that the exchange's body gave before, nil for none or a good end.
func (b *outgoingBody) leave() error {
	close(b.over)
	interrupted := false
	if !b.reading.TryLock() { // a Read may wait for the client
		interrupted = true
		_ = b.x.Body.Close() // has no more to tell than its Read
		b.reading.Lock()
	}
	defer b.reading.Unlock()
	b.left = true
	if interrupted || b.err == io.EOF {
		return nil
	}
	return b.err
}

package proxy

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/spool"
	"gatelodge.dev/proxy/tracing"
)

// held is what the policies of a request hold until its end. Most requests hold
// nothing, and pay nothing for it.
type held struct {
	x        *exchange.Exchange
	counted  *client               // in which the request counts as open; nil: in none
	gate     *gate                 // that the request passed; nil: there is none
	expiry   *expiry               // nil: it may take any time
	timeouts gatelodge.Timeouts    // of x, if it has some
	sent     time.Time             // the first try began; only where RetryRules has Within
	fields   []fieldEdit           // of the request that the backend gets
	snippet  *snippetRun           // nil: the route has none
	input    []fieldEdit           // of the request that the client sent, which are made
	host     string                // the Host field that a snippet has set; "": none
	verdict  *verdict              // of the service that was asked; nil: none was
	pages    *gatelodge.ErrorPages // for its errors; nil: there are none, or one was asked for already
	asked    asked                 // where it has pages
	throttle throttle              // the response of x, if its rate is limited

	compressor compressor       // the response of x, if it may be compressed
	buffered   bufferedResponse // that which it writes to, if it is buffered
	request    *spool.Spool     // the body of x, if it was buffered

	span     *tracing.Span // nil: the request is not traced
	spanName string        // "": method and path of the route
}

// hold returns what the request holds.
func (r *request) hold() *held {
	if r.held == nil {
		if r.held, r.spare = r.spare, nil; r.held == nil {
			r.held = new(held)
		}
		r.held.x = r.x
	}
	return r.held
}

// finish completes the response, once its handler has written it, and ends it where
// that failed with err. What an endpoint sent before it failed still goes to the
// client.
func (h *held) finish(err error) error {
	if err == nil {
		err = h.compressor.finish()
	}
	if h.buffered.queue != nil {
		h.leaveGate() // the backend is done
		if failed := h.buffered.finish(); err == nil {
			err = failed
		}
	}
	return err
}

func (h *held) leaveGate() {
	if h.gate != nil {
		h.gate.leave()
		h.gate = nil
	}
}

// release gives it back, and leaves h empty.
func (h *held) release() {
	if h.counted != nil {
		h.counted.open.Add(-1)
	}
	h.leaveGate()
	if h.expiry != nil {
		h.expiry.end()
	}
	h.compressor.release()
	if h.request != nil {
		h.request.Close()
	}
	h.x.Timeouts = nil
	*h = held{}
}

package proxy

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/spool"
	"gatelodge.dev/proxy/tracing"
)

// held is the state of policies that lasts until the end of a request. Most requests
// have none, which costs nothing.
type held struct {
	x        *exchange.Exchange
	counted  *client               // the client whose open requests include this one; nil: none
	gate     *gate                 // that the request has passed; nil: there is none
	expiry   *expiry               // nil: there is no limit
	timeouts gatelodge.Timeouts    // of x, if the route has its own
	sent     time.Time             // start of the first try; set only if RetryRules has Within
	fields   []fieldEdit           // changes of the fields that the backend gets
	snippet  *snippetRun           // nil: the route has none
	input    []fieldEdit           // changes of the client's fields, already applied
	host     string                // the Host field set by a snippet; "": none
	verdict  *verdict              // of the auth-url service; nil: it was not asked
	pages    *gatelodge.ErrorPages // for errors; nil: there are none, or one was already requested
	asked    asked                 // if it has pages
	throttle throttle              // the response of x, if its rate is limited

	compressor compressor       // the response of x, if it may be compressed
	buffered   bufferedResponse // the response that compressor writes to, if it is buffered
	request    *spool.Spool     // the body of x, if it was buffered

	span     *tracing.Span // nil: the request is not traced
	spanName string        // "": method and path of the route
}

// hold returns the held state, and creates it if needed.
func (r *request) hold() *held {
	if r.held == nil {
		if r.held, r.spare = r.spare, nil; r.held == nil {
			r.held = new(held)
		}
		r.held.x = r.x
	}
	return r.held
}

// finish completes the response after its handler has written it, or ends it if that
// failed with err. What an endpoint sent before it failed still goes to the client.
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

// release returns resources, and leaves h empty.
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

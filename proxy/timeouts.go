package proxy

import (
	"io"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// timeouts applies the route's timeouts to the connection to an endpoint, and ends a
// request that takes too long.
func timeouts(p *gatelodge.Policy) step {
	t := p.Timeouts
	if t == nil {
		return nil
	}
	return func(r *request) *answer {
		h := r.hold()
		h.timeouts = t.Over(r.table.settings.Timeouts)
		r.x.Timeouts = &h.timeouts
		if t.Request > 0 {
			h.expiry = newExpiry(r.x, r.started.Add(t.Request))
			h.hurry()
		}
		return nil
	}
}

// expiry ends a request at a time, by ending the operation on the connection to the
// endpoint that it waits for.
type expiry struct {
	at    time.Time
	timer *time.Timer

	mu   sync.Mutex
	x    *exchange.Exchange // nil: it has ended, and its connection may serve another
	late bool               // the time has passed
	body io.Closer          // the client's, while the request waits for it; otherwise nil
}

func newExpiry(x *exchange.Exchange, at time.Time) *expiry {
	e := &expiry{at: at, x: x}
	e.timer = time.AfterFunc(time.Until(at), e.expire)
	return e
}

func (e *expiry) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.late = true
	if e.x != nil {
		e.x.Cancellation.Expire()
	}
	if e.body != nil {
		_ = e.body.Close() // its reader gets the error
	}
}

// watch closes a body when the time has passed; nil for none. The Cancellation can't do
// that, because engines call it while they hold locks that closing a body needs.
func (e *expiry) watch(body io.Closer) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.body = body; e.late && body != nil {
		_ = body.Close() // its reader gets the error
	}
}

// end restores the settings, at the end of the request.
func (e *expiry) end() {
	e.timer.Stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.x.Cancellation.Renew()
	e.x = nil
}

// hurry limits the time to connect to the remaining time of the request, because there
// is no connection yet that could be ended.
func (h *held) hurry() {
	if h == nil || h.expiry == nil {
		return
	}
	left := max(time.Until(h.expiry.at), 1)
	if connect := h.timeouts.Connect; connect == 0 || connect > left {
		h.timeouts.Connect = left
	}
}

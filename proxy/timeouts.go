package proxy

import (
	"context"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// timeouts sets those of the route for the connection to an endpoint, and ends a
// request that takes too long.
func timeouts(p *gatelodge.Policy) step {
	t := p.Timeouts
	if t == nil {
		return nil
	}
	return func(r *request) *answer {
		r.timeouts = t.Over(r.table.settings.Timeouts)
		r.x.Timeouts = &r.timeouts
		if t.Request > 0 {
			r.expiry = newExpiry(r.x, r.started.Add(t.Request))
		}
		return nil
	}
}

// expiry ends a request at a time: it ends the attempt to connect, and what is
// waited for on the connection to the endpoint.
type expiry struct {
	parent context.Context
	cancel context.CancelFunc
	stop   func() bool // keeps expire from being called

	mu sync.Mutex
	x  *exchange.Exchange // nil: it has ended, and its connection may be serving another
}

func newExpiry(x *exchange.Exchange, at time.Time) *expiry {
	e := &expiry{parent: x.Context, x: x}
	x.Context, e.cancel = context.WithDeadline(x.Context, at)
	e.stop = context.AfterFunc(x.Context, e.expire)
	return e
}

func (e *expiry) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.x != nil && e.parent.Err() == nil { // otherwise the client is gone
		e.x.Cancellation.Expire()
	}
}

// end undoes what was set, at the end of the request.
func (e *expiry) end() {
	e.mu.Lock()
	x := e.x
	e.x = nil
	e.mu.Unlock()
	e.stop()
	e.cancel()
	x.Cancellation.Renew()
	x.Context = e.parent
}

package proxy

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// mayRetry reports whether a request whose try failed may be sent again: no part
// of the response was sent, no part of the body was read, and the request either
// was not processed or is idempotent (RFC 9110 §9.2.2).
func (r *request) mayRetry(err error) bool {
	switch {
	case !errors.Is(err, exchange.ErrBackend), r.response.begun(), r.body.lost:
		return false
	case errors.Is(err, exchange.ErrUnsent):
		return true
	}
	// Don't retry after a timeout: the client has waited long enough.
	return !errors.Is(err, exchange.ErrTimeout) && isIdempotent(r.x.Method)
}

// pause waits before a request is sent again for the nth time to an endpoint that
// did not process it: not at all at first, and then for longer each time, so that
// one that takes no more for now gets the time it needs.
func (r *request) pause(n int) {
	if n < 3 {
		return
	}
	most := time.Millisecond << min(n-3, 6)
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.x.Context.Done():
	}
}

func isIdempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// budget limits the retries of an upstream to a share of its requests, so that
// they do not add to the load of a failing backend. It counts in thousandths.
type budget struct{ spent atomic.Int64 }

// budgetReserve is how many retries an upstream may use before it has earned any,
// so that one with few requests can be retried, too.
const budgetReserve = 10 * 1000

// earn counts a request, which allows share of a retry.
func (b *budget) earn(share float64) {
	earned := int64(share * 1000)
	for {
		spent := b.spent.Load()
		if spent <= 0 || b.spent.CompareAndSwap(spent, max(spent-earned, 0)) {
			return
		}
	}
}

// spend uses one retry, and reports whether there was one left.
func (b *budget) spend() bool {
	for {
		spent := b.spent.Load()
		if spent+1000 > budgetReserve {
			return false
		}
		if b.spent.CompareAndSwap(spent, spent+1000) {
			return true
		}
	}
}

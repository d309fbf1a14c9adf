package proxy

import (
	"errors"
	"sync/atomic"

	"gatelodge.dev/proxy/exchange"
)

// mayRetry tells whether a request whose try failed may be sent again: nobody
// has been answered, no part of the body is gone, and either nothing was
// processed or doing it twice is as good as once (RFC 9110 §9.2.2).
func (r *request) mayRetry(err error) bool {
	switch {
	case !errors.Is(err, exchange.ErrBackend), r.response.begun(), r.body.touched.Load():
		return false
	case errors.Is(err, exchange.ErrUnsent):
		return true
	}
	// A timeout is not worth a second one: the client has waited long enough.
	return !errors.Is(err, exchange.ErrTimeout) && isIdempotent(r.x.Method)
}

func isIdempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// budget bounds the retries of an upstream to a share of its requests, so that
// backends in trouble are not given more of it. It is counted in thousandths.
type budget struct{ spent atomic.Int64 }

// budgetReserve is how many retries are allowed at once to an upstream that
// has not earned any, so that a quiet one is retried too.
const budgetReserve = 10 * 1000

// earn notes a request, which pays for share of a retry.
func (b *budget) earn(share float64) {
	earned := int64(share * 1000)
	for {
		spent := b.spent.Load()
		if spent <= 0 || b.spent.CompareAndSwap(spent, max(spent-earned, 0)) {
			return
		}
	}
}

// spend takes one retry, if there is one left.
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

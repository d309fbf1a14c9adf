package proxy

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// retries counts how often a request was resent. It is small, because every request
// has one.
type retries struct {
	counted int16                     // counted attempts after the first
	again   int16                     // resends after an endpoint did not process the request
	last    gatelodge.RetryConditions // reason of the last one; 0: there was none
}

// unprocessed is the condition for a request that an endpoint did not process.
const unprocessed gatelodge.RetryConditions = 1 << 15

// reason returns the reason of the last retry, as a word for the access log.
func (t *retries) reason() string {
	if t.last == unprocessed {
		return "unprocessed"
	}
	return t.last.String()
}

// retryOn returns the conditions under which the request may be retried.
func (r *request) retryOn() gatelodge.RetryConditions {
	if rules := r.route.source.Policy.Retries; rules != nil {
		return rules.On
	}
	return gatelodge.DefaultRetries
}

// underRetryRules prepares a request that has RetryRules.
func (r *request) underRetryRules(rules *gatelodge.RetryRules) {
	if rules.On&gatelodge.RetryStatuses != 0 {
		r.response.judge = r
	}
	if rules.Within > 0 {
		r.hold().sent = time.Now()
	}
}

// triesAgain decides whether a request whose attempt failed is sent again: no part
// of the response was sent, the body can be sent again, and the request was not
// processed or may be repeated.
func (r *request) triesAgain(b *backend, err error) bool {
	if other, decided := errors.AsType[*notPassedOn](err); decided {
		return !other.paged
	}
	if !errors.Is(err, exchange.ErrBackend) || r.response.begun() || r.body.lost {
		return false
	}
	untried := len(r.tried) < len(b.eligible)
	unsent := errors.Is(err, exchange.ErrUnsent)
	if errors.Is(err, exchange.ErrUnprocessed) && r.retries.again < maxResends {
		r.retries.again++ // it costs the endpoint nothing
		r.retries.last = unprocessed
		r.pause(int(r.retries.again))
		return true
	}
	condition := failure(err)
	switch {
	case !r.retryOn().Has(condition), !unsent && !r.repeatable():
		return false
	case !untried && (unsent || condition == gatelodge.RetryAnswerTimeout):
		return false // the same endpoint would fail in the same way
	}
	return r.another(b, condition)
}

// passesOn reports whether the response to an attempt is passed on to the client;
// otherwise another attempt follows. A body that might be lost by then rules out
// another attempt.
func (r *request) passesOn(status int) bool {
	condition := gatelodge.RetryStatus(status)
	if condition == 0 || !r.retryOn().Has(condition) || !r.repeatable() || !r.body.staysWhole(r.x.Length) {
		return true
	}
	b := r.table.backends.Get(r.route.source.Backend)
	return len(r.tried) >= len(b.eligible) || !r.another(b, condition)
}

// another takes another attempt from the budget, if one is left.
func (r *request) another(b *backend, condition gatelodge.RetryConditions) bool {
	most := r.table.settings.Retries.Attempts
	if rules := r.route.source.Policy.Retries; rules != nil {
		if rules.Tries > 0 {
			most = rules.Tries
		}
		if rules.Within > 0 && time.Since(r.hold().sent) > rules.Within {
			return false
		}
	}
	if int(r.retries.counted)+1 >= most || !b.upstream.budget.spend() {
		return false
	}
	r.retries.counted++
	r.retries.last = condition
	return true
}

// repeatable reports whether a request may be processed twice (RFC 9110 §9.2.2).
func (r *request) repeatable() bool {
	return isIdempotent(r.x.Method) || r.retryOn().Has(gatelodge.RetryNonIdempotent)
}

// notPassedOn is the error of a try whose answer is not passed on to the client.
type notPassedOn struct {
	status int
	paged  bool // there is a page for it, and no other try
}

func (n *notPassedOn) Error() string {
	if n.paged {
		return fmt.Sprintf("the answer %d is not passed on, because there is a page for it", n.status)
	}
	return fmt.Sprintf("the answer %d is not passed on, because there is another try", n.status)
}

// failure returns the condition that matches the error of an attempt.
func failure(err error) gatelodge.RetryConditions {
	switch timeout := errors.Is(err, exchange.ErrTimeout); {
	case timeout && errors.Is(err, exchange.ErrUnsent):
		return gatelodge.RetryConnectTimeout
	case timeout:
		return gatelodge.RetryAnswerTimeout
	case errors.Is(err, exchange.ErrTooLarge), wire.IsMalformed(err):
		return gatelodge.RetryInvalidAnswer
	}
	return gatelodge.RetryError
}

// pause waits before the nth resend to an endpoint that did not process the
// request: not at all at first, then longer each time, so that an endpoint which is
// temporarily full gets time to recover.
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

// budget limits the retries of an upstream to a share of its requests, so that they
// do not add to the load of a failing backend. It counts in thousandths of a retry.
type budget struct{ spent atomic.Int64 }

// budgetReserve is how many retries an upstream may use before it has earned any,
// so that an upstream with few requests can be retried too.
const budgetReserve = 10 * 1000

// earn counts a request, which adds share of a retry to the budget.
func (b *budget) earn(share float64) {
	earned := int64(share * 1000)
	for {
		spent := b.spent.Load()
		if spent <= 0 || b.spent.CompareAndSwap(spent, max(spent-earned, 0)) {
			return
		}
	}
}

// spend uses one retry, and reports whether one was left.
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

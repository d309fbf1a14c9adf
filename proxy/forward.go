package proxy

import (
	"cmp"
	"errors"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// forward sends the request to an endpoint of the route's backend, and to another
// one if that fails and a retry is allowed.
func (r *request) forward() error {
	b := r.table.backends.Get(r.route.source.Backend)
	if b == nil || len(b.eligible) == 0 {
		if sent, err := r.standIn(); sent {
			return err
		}
		return r.answer(unavailable("no endpoints"))
	}
	r.forwardedFields()
	r.editRequest()
	r.upgradeOnly(b.source.Protocol)
	r.x.Path = cmp.Or(r.rewritten, r.path)
	if host := r.upstreamHost(); host != "" {
		defer func(asked string) { r.x.Authority = asked }(r.x.Authority)
		r.x.Authority = host
	}

	if r.held != nil && r.held.span != nil {
		r.held.span.Inject(&r.x.Header)
	}
	if m := r.route.source.Policy.Mirror; m != nil {
		r.mirror(m)
	}
	return r.send(b)
}

// send sends the request, unchanged, to an endpoint of the backend, which must have some.
func (r *request) send(b *backend) error {
	b.upstream.budget.earn(r.table.settings.Retries.Budget)
	if rules := r.route.source.Policy.Retries; rules != nil {
		r.underRetryRules(rules)
	}
	for {
		now := time.Now()
		e := r.choose(b, now)
		if e == nil { // all were tried: use a new connection to the first
			e = r.tried[0]
		}
		err := r.try(b, e, now)
		if err == nil || !r.triesAgain(b, err) {
			r.response.judge = nil
			return err
		}
		b.series.retries.Inc()
		r.body.rewind()
		r.held.hurry()
	}
}

// upstreamHost returns the Host field for the backend, or "" to keep the client's.
func (r *request) upstreamHost() string {
	if r.held != nil && r.held.host != "" {
		return r.held.host
	}
	return r.route.source.Policy.UpstreamHost
}

// try sends the request to one endpoint.
func (r *request) try(b *backend, e *endpoint, start time.Time) error {
	if r.held != nil && r.held.span != nil {
		return r.tracedTry(b, e, start)
	}
	return r.tryOnce(b, e, start)
}

func (r *request) tryOnce(b *backend, e *endpoint, start time.Time) error {
	r.tried = append(r.tried, e)
	b.series.requests.Inc()
	r.response.call, r.response.failed = b.source.Protocol.IsHTTP2(), false
	var err error
	if b.upstream.measured.Load() == 0 {
		err = e.handle(r.x)
	} else {
		err = r.sendMeasured(b.upstream, e, start)
	}
	took := time.Since(start)
	r.upstreamTime += took
	b.series.duration.Observe(took.Seconds())
	if errors.Is(err, exchange.ErrBackend) {
		b.series.failures.Inc()
	}
	r.noteOutcome(b, e, err)
	return err
}

// maxResends is how often a request is resent, in addition to the counted attempts,
// after an endpoint said that it did not process it. Such an endpoint is healthy:
// it is only closing the connection, or accepts no more streams on it.
const maxResends = 16

func isUnsent(err error) bool { return errors.Is(err, exchange.ErrUnsent) }

// upgradeOnly removes an upgrade to HTTP/2, because requests on that connection
// would bypass all policies. It also removes an upgrade with a body to an HTTP/2
// backend, where an extended CONNECT has no separate body (RFC 8441 §4).
func (r *request) upgradeOnly(to gatelodge.BackendProtocol) {
	if r.x.Upgrade == "h2c" || to.IsHTTP2() && r.x.Length != 0 {
		r.x.Upgrade = ""
	}
}

package proxy

import "time"

// forward sends the request to an endpoint of the route's backend, and to
// another one where the first could not take it.
func (r *request) forward() error {
	b := r.table.backends[r.route.source.Backend]
	if b == nil || len(b.eligible) == 0 {
		return r.answer(unavailable("no endpoints"))
	}
	r.backend = b
	r.forwardedFields()
	r.upgradeOnly()
	r.x.Path = r.path

	retries := r.table.settings.Retries
	b.upstream.budget.earn(retries.Budget)
	start := time.Now()
	defer func() { r.upstreamTime = time.Since(start) }()
	tried := r.tried[:0]
	for {
		e := b.choose(tried, time.Now())
		if e == nil { // each was tried; a connection that died is worth another
			e = tried[0]
		}
		tried = append(tried, e)
		r.tries, r.endpoint = len(tried), e.address
		b.series.requests.Inc()
		tryStart := time.Now()
		err := e.engine.Exchange(r.x)
		b.series.duration.Observe(time.Since(tryStart).Seconds())
		if err == nil {
			return nil
		}
		if !isBackend(err) {
			return err
		}
		b.series.failures.Inc()
		if isUnsent(err) {
			e.refused.note(time.Now())
			if len(tried) >= len(b.eligible) {
				return err
			}
		}
		if !r.mayRetry(err) || len(tried) >= retries.Attempts || !b.upstream.budget.spend() {
			return err
		}
		b.series.retries.Inc()
	}
}

// upgradeOnly keeps the client from changing the connection to HTTP/2 behind
// our back: the requests on it would pass no policy.
func (r *request) upgradeOnly() {
	if r.x.Upgrade == "h2c" {
		r.x.Upgrade = ""
	}
}

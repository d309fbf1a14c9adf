package proxy

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// health is what is known of whether an endpoint works. It survives swaps.
type health struct {
	outUntil atomic.Int64 // Unix nanoseconds: it is chosen only where all others are out, too
	score    atomic.Int32 // of its tries: see succeeded and failed

	lastError atomic.Pointer[endpointError] // nil: none of its tries and checks failed

	ejectedUntil time.Time // guarded by upstream.ejecting, as is ejections
	ejections    int       // of late: what the time out grows by
}

// isOut reports whether the endpoint is to be left alone.
func (h *health) isOut(now time.Time) bool { return now.UnixNano() < h.outUntil.Load() }

// leave leaves the endpoint alone until a time, or longer if that is known.
func (h *health) leave(until time.Time) {
	for next := until.UnixNano(); ; {
		now := h.outUntil.Load()
		if now >= next || h.outUntil.CompareAndSwap(now, next) {
			return
		}
	}
}

// What a failed try adds to the score, where one that succeeded takes away 1.
const failureScore = 2

// avoidRefused is how long an endpoint is skipped after a connection to it
// failed, so that a dead one does not cost every request a try.
const avoidRefused = time.Second

// noteOutcome counts how a try ended. What only the client did wrong says nothing,
// nor does an endpoint that says itself that it did not process a request.
func (r *request) noteOutcome(b *backend, e *endpoint, err error) {
	switch status := r.triedStatus(err); {
	case status != 0 && !isFailure(status):
		e.health.succeeded()
	case status != 0, errors.Is(err, exchange.ErrBackend) && !errors.Is(err, exchange.ErrUnprocessed):
		if status != 0 {
			err = fmt.Errorf("it answers %d", status)
		}
		e.health.noteError(err, time.Now())
		b.noteFailure(e, r.table.settings.Ejection.Changed(r.route.source.Policy.Ejection), isUnsent(err) || wire.IsSilence(err))
	}
}

// noteFailure counts a failed try of an endpoint; unsent reports whether it took no
// connection, or acknowledged nothing.
func (b *backend) noteFailure(e *endpoint, rules gatelodge.Ejection, unsent bool) {
	now := time.Now()
	if unsent {
		e.health.leave(now.Add(avoidRefused))
	}
	if rules.Failures > 0 && e.health.failed(rules.Failures) {
		b.eject(e, rules, now)
	}
}

// triedStatus returns the status of the answer to a try, whether it was passed on
// or not, and 0 if there was none, or a part of one. A gRPC call has it in HTTP's
// terms.
func (r *request) triedStatus(err error) int {
	if err == nil {
		if r.response.failed {
			return 503
		}
		return r.response.status
	}
	if other := (*notPassedOn)(nil); errors.As(err, &other) {
		return other.status
	}
	return 0
}

// isFailure reports whether a status says that the endpoint, or what it needs,
// does not work. 500 may be due to the request alone.
func isFailure(status int) bool { return status >= 502 && status <= 504 }

// callStatus looks in the head or the trailers of an answer for the status of a
// gRPC call. Only UNAVAILABLE says of the endpoint what 502 to 504 say; all others
// may be due to the call alone, DEADLINE_EXCEEDED among them.
func (p *response) callStatus(fields exchange.Fields) {
	if p.call && fields.Get("grpc-status") == grpcUnavailable {
		p.failed = true
	}
}

// toldStatus is the status of an answer as HTTP tells it: that of a gRPC call that
// ends with UNAVAILABLE before any message is in its fields.
func (p *response) toldStatus(status int, header exchange.Fields) int {
	if p.call && header.Get("grpc-status") == grpcUnavailable {
		return 503
	}
	return status
}

// grpcUnavailable is UNAVAILABLE (github.com/grpc/grpc/blob/master/doc/statuscodes.md).
const grpcUnavailable = "14"

// succeeded counts a try. Most endpoints have never failed.
func (h *health) succeeded() {
	if score := h.score.Load(); score > 0 {
		h.score.CompareAndSwap(score, score-1) // another try may count instead
	}
}

// failed counts a try, and reports whether the endpoint is to be ejected.
func (h *health) failed(failures int) bool {
	return h.score.Add(failureScore) >= int32(failureScore*failures)
}

// mostDoubled is how often the time out doubles: from 10 seconds to 5 minutes.
const mostDoubled = 5

// eject leaves an endpoint alone for a while, unless too many are. It comes back
// on probation: the first failure ejects it again, and for longer.
func (b *backend) eject(e *endpoint, rules gatelodge.Ejection, now time.Time) {
	b.upstream.ejecting.Lock()
	defer b.upstream.ejecting.Unlock()
	h := &e.health
	h.score.Store(int32(failureScore * (rules.Failures - 1)))
	if now.Before(h.ejectedUntil) {
		return // by a try that began before
	}
	out := 1
	for i := range b.eligible {
		if other := b.eligible[i].endpoint; other != e && now.Before(other.health.ejectedUntil) {
			out++
		}
	}
	if n := len(b.eligible); out >= n || out > max(1, int(rules.Share*float64(n))) {
		return
	}
	if !h.ejectedUntil.IsZero() { // each time that it was well for takes one back
		h.ejections = max(0, h.ejections-int(now.Sub(h.ejectedUntil)/rules.Time))
	}
	h.ejectedUntil = now.Add(rules.Time << min(h.ejections, mostDoubled))
	h.ejections++
	h.leave(h.ejectedUntil)
	b.series.eject()
}

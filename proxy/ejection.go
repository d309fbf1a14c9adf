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

// health is the state of an endpoint. It survives swaps.
type health struct {
	outUntil atomic.Int64 // Unix nanoseconds; until then it is chosen only if all others are out too
	score    atomic.Int32 // of its tries: see succeeded and failed

	lastError atomic.Pointer[endpointError] // nil: none of its tries and checks failed

	ejectedUntil time.Time // guarded by upstream.ejecting, as is ejections
	ejections    int       // recent ones; they determine the time out
}

// isOut reports whether the endpoint is not to be used.
func (h *health) isOut(now time.Time) bool { return now.UnixNano() < h.outUntil.Load() }

// leave takes the endpoint out until the given time, unless it is already out for
// longer.
func (h *health) leave(until time.Time) {
	for next := until.UnixNano(); ; {
		now := h.outUntil.Load()
		if now >= next || h.outUntil.CompareAndSwap(now, next) {
			return
		}
	}
}

// failureScore is what a failed try adds to the score; a successful one subtracts 1.
const failureScore = 2

// avoidRefused is how long an endpoint is not used after a failed connection, so that a
// dead one does not cost every request a try.
const avoidRefused = time.Second

// noteOutcome counts the result of a try. Errors of the client don't count, nor do
// requests that the endpoint says it did not process.
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

// noteFailure counts a failed try of an endpoint; unsent reports whether the endpoint
// accepted no connection, or acknowledged nothing.
func (b *backend) noteFailure(e *endpoint, rules gatelodge.Ejection, unsent bool) {
	now := time.Now()
	if unsent {
		e.health.leave(now.Add(avoidRefused))
	}
	if rules.Failures > 0 && e.health.failed(rules.Failures) {
		b.eject(e, rules, now)
	}
}

// triedStatus returns the status of the answer to a try, even if it was not passed on,
// and 0 if there was no complete head. The status of a gRPC call is converted to
// HTTP's.
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

// isFailure reports whether a status means that the endpoint, or something that it
// needs, does not work. 500 does not count, because the request may be its cause.
func isFailure(status int) bool { return status >= 502 && status <= 504 }

// callStatus looks for the status of a gRPC call in the head or the trailers of an
// answer. Only UNAVAILABLE counts like 502 to 504; the call itself may be the cause of
// all others, including DEADLINE_EXCEEDED.
func (p *response) callStatus(fields exchange.Fields) {
	if p.call && fields.Get("grpc-status") == grpcUnavailable {
		p.failed = true
	}
}

// toldStatus returns the HTTP status of an answer; UNAVAILABLE in the head of a gRPC
// answer is 503.
func (p *response) toldStatus(status int, header exchange.Fields) int {
	if p.call && header.Get("grpc-status") == grpcUnavailable {
		return 503
	}
	return status
}

// grpcUnavailable is UNAVAILABLE (github.com/grpc/grpc/blob/master/doc/statuscodes.md).
const grpcUnavailable = "14"

// succeeded counts a successful try. Most endpoints have never failed.
func (h *health) succeeded() {
	if score := h.score.Load(); score > 0 {
		h.score.CompareAndSwap(score, score-1) // if another try changes it at the same time, this one does not count
	}
}

// failed counts a failed try, and reports whether the endpoint is to be ejected.
func (h *health) failed(failures int) bool {
	return h.score.Add(failureScore) >= int32(failureScore*failures)
}

// mostDoubled is how often the time out is doubled: from 10 seconds to 5 minutes.
const mostDoubled = 5

// eject takes an endpoint out for a while, unless too many are out. After its return,
// the first failure ejects it again, for longer.
func (b *backend) eject(e *endpoint, rules gatelodge.Ejection, now time.Time) {
	b.upstream.ejecting.Lock()
	defer b.upstream.ejecting.Unlock()
	h := &e.health
	h.score.Store(int32(failureScore * (rules.Failures - 1)))
	if now.Before(h.ejectedUntil) {
		return // by a try that started before
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
	if !h.ejectedUntil.IsZero() { // each ejection.time without an ejection takes one back
		h.ejections = max(0, h.ejections-int(now.Sub(h.ejectedUntil)/rules.Time))
	}
	h.ejectedUntil = now.Add(rules.Time << min(h.ejections, mostDoubled))
	h.ejections++
	h.leave(h.ejectedUntil)
	b.series.eject()
}

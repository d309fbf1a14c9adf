package proxy

import (
	"errors"
	"math"
	"sync/atomic"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// load is what some algorithms need to know about an endpoint. It is measured for all
// its requests, but only after the first request that needs it.
type load struct {
	inFlight atomic.Int64
	latency  peak
}

// Measures are the parts of load that are measured.
const (
	measureInFlight uint32 = 1 << iota
	measureLatency
)

// measure starts measuring the load of the upstream's endpoints.
func (u *upstream) measure(what uint32) {
	if u.measured.Load()&what != what {
		u.measured.Or(what)
	}
}

// leastRequest returns the one of two random endpoints with fewer requests in flight
// for its weight. Two choices are almost as good as comparing all, and several gateways
// with the same view don't all choose the same endpoint.
func (c *choice) leastRequest() *member {
	c.backend.upstream.measure(measureInFlight)
	a, b := c.two()
	if a == nil {
		return nil
	}
	if b.perWeight() < a.perWeight() {
		return b
	}
	return a
}

// perWeight returns the number of requests in flight for each unit of weight.
func (m *member) perWeight() float64 {
	return float64(m.load.inFlight.Load()) / float64(m.weight)
}

// peakEWMA returns the one of two random endpoints with the lower cost: its latency
// times the requests in flight, including this one. Without a known latency, only the
// requests in flight are compared, so that a new endpoint gets some requests but not
// all.
func (c *choice) peakEWMA() *member {
	c.backend.upstream.measure(measureInFlight | measureLatency)
	a, b := c.two()
	if a == nil {
		return nil
	}
	inA, inB := a.perWeight(), b.perWeight()
	costA, costB := a.load.latency.at(c.now), b.load.latency.at(c.now)
	if costA == 0 || costB == 0 {
		costA, costB = 1, 1
	}
	if costB*(inB+1) < costA*(inA+1) {
		return b
	}
	return a
}

// peak is a moving average of latencies that follows a higher one at once, and falls by
// 1/e in each decay. One word contains the average in seconds as a float32, and the
// time of the last measurement in milliseconds, which may wrap. 0: nothing was
// measured.
type peak struct{ word atomic.Uint64 }

// decay is long enough to remember a stall, and short enough to try an endpoint again
// soon. Finagle and ingress-nginx use the same value.
const decay = 10 * time.Second

// add counts a latency.
func (p *peak) add(latency time.Duration, now time.Time) {
	for {
		was := p.word.Load()
		average, age := unpack(was, now)
		seconds := max(latency.Seconds(), 1e-6)
		if kept := math.Exp(-age.Seconds() / decay.Seconds()); was != 0 && seconds < average {
			if age <= 0 {
				return // it does not change within a millisecond
			}
			seconds = average*kept + seconds*(1-kept)
		}
		if p.word.CompareAndSwap(was, uint64(math.Float32bits(float32(seconds)))<<32|uint64(uint32(now.UnixMilli()))) {
			return
		}
	}
}

// at returns the average in seconds. It falls while nothing is measured, so that a slow
// endpoint is eventually tried again.
func (p *peak) at(now time.Time) float64 {
	word := p.word.Load()
	if word == 0 {
		return 0
	}
	average, age := unpack(word, now)
	return average * math.Exp(-max(age, 0).Seconds()/decay.Seconds())
}

func unpack(word uint64, now time.Time) (average float64, age time.Duration) {
	// The difference of two wrapped times is correct for 24 days.
	return float64(math.Float32frombits(uint32(word >> 32))), time.Duration(int32(uint32(now.UnixMilli())-uint32(word))) * time.Millisecond
}

// failurePenalty is the least latency that a failed try counts as, so that an endpoint
// that fails fast does not look like the best one.
const failurePenalty = time.Second

// sendMeasured sends a request to an endpoint, and measures what the algorithms need.
func (r *request) sendMeasured(u *upstream, e *endpoint, started time.Time) error {
	u.inFlight.Add(1)
	e.load.inFlight.Add(1)
	defer func() {
		u.inFlight.Add(-1)
		e.load.inFlight.Add(-1)
	}()
	if u.measured.Load()&measureLatency == 0 {
		return e.handle(r.x)
	}
	r.response.timed, r.response.headAt = true, time.Time{}
	err := e.handle(r.x)
	r.measureLatency(e, started, time.Now(), err)
	return err
}

// measureLatency records the time until the endpoint began its answer.
func (r *request) measureLatency(e *endpoint, started, now time.Time, err error) {
	latency, status := now.Sub(started), r.triedStatus(err)
	switch answered := r.response.headAt; {
	case errors.Is(err, exchange.ErrUnprocessed):
		return
	case isFailure(status), answered.IsZero() && errors.Is(err, exchange.ErrBackend):
		latency = max(latency, failurePenalty)
	case !answered.IsZero():
		latency = answered.Sub(started)
	case status == 0:
		return // the client disconnected, so the latency is unknown
	}
	e.load.latency.add(latency, now)
}

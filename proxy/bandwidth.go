package proxy

import (
	"context"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// limitRate limits how fast the body of a response is sent.
func limitRate(p *gatelodge.Policy) step {
	b := p.Bandwidth
	if b == nil {
		return nil
	}
	return func(r *request) *answer {
		h := r.hold()
		h.throttle = throttle{Response: &r.response, ctx: r.x.Context, rate: b.Rate, free: b.After}
		r.x.Response = &h.throttle
		return nil
	}
}

// throttle is a response whose body has a rate. It sends at once the amount of an
// eighth of a second, at most two of these, and then sleeps for as long. So the rate is
// kept on average, an endpoint that pauses can't catch up, and a disconnected client is
// noticed at the next write.
type throttle struct {
	exchange.Response
	ctx  context.Context
	rate int64 // bytes a second
	free int64 // rest of the bytes that are sent at full speed

	since time.Time // the rate counts from here
	sent  int64     // bytes since then
}

// throttlePeriod is how far a response may be ahead of its rate before it sleeps.
const throttlePeriod = time.Second / 8

// Write writes p in parts.
func (t *throttle) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		part := p
		if t.free > 0 {
			part = p[:min(int64(len(p)), t.free)]
			t.free -= int64(len(part))
		} else {
			if err := t.sleep(); err != nil {
				return written, err
			}
			part = p[:min(int64(len(p)), max(1, t.rate/int64(time.Second/throttlePeriod)))]
			t.sent += int64(len(part))
		}
		n, err := t.Response.Write(part)
		written += n
		if err != nil {
			return written, err
		}
		p = p[len(part):]
	}
	return written, nil
}

// sleep waits until the response is no longer ahead, if it is too far.
func (t *throttle) sleep() error {
	now := time.Now()
	ahead := time.Duration(float64(t.sent)/float64(t.rate)*float64(time.Second)) - now.Sub(t.since)
	if ahead < 0 {
		t.since, t.sent = now, 0
	}
	if ahead < throttlePeriod {
		return nil
	}
	if err := t.Response.Flush(); err != nil {
		return err
	}
	timer := time.NewTimer(ahead)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done(): // the next write fails
	}
	return nil
}

package http2

import "time"

// calm bounds what a peer may do that costs us work and brings no exchange
// forward: requests that are withdrawn before they are answered, streams that
// we have to reset, pings, settings, frames without content. It is a bucket
// that leaks: calmBurst at once, and calmRate a second for good.
type calm struct {
	level int64 // in thousandths of a frame
	at    time.Time
}

const (
	calmBurst = 1000
	calmRate  = 100

	// refusedHead is what a head counts that can't be read: a large one costs
	// most of all.
	refusedHead = 10
)

// disturb counts n such frames, and fails where there were too many.
func (c *calm) disturb(n int64) error {
	now := time.Now()
	if !c.at.IsZero() {
		c.level = max(0, c.level-now.Sub(c.at).Milliseconds()*calmRate)
	}
	c.at = now
	if c.level += n * 1000; c.level > calmBurst*1000 {
		return connErrorf(codeEnhanceYourCalm, "more than %d frames a second that bring nothing forward", calmRate)
	}
	return nil
}

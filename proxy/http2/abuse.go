package http2

import "time"

// abuse limits frames that cost us work and carry no request or response further:
// requests cancelled before they are answered, streams that we have to reset,
// pings, settings, frames without content. It is a leaky bucket: abuseBurst at
// once, and abuseRate a second in the long run.
type abuse struct {
	level int64 // in thousandths of a frame
	at    time.Time
}

const (
	abuseBurst = 1000
	abuseRate  = 100

	// refusedHead is how many frames an invalid head counts as: a large one costs
	// most of all.
	refusedHead = 10
)

// mostPings is how many pings a peer may have earned.
const mostPings = abuseBurst

// earnPing allows one ping for a DATA frame with content, in either direction. Peers
// measure the path with a ping for what they receive, as gRPC's do with each message
// of a chat, and that costs no more than the message itself. The caller holds the
// lock.
func (l *link) earnPing() {
	if l.pings < mostPings {
		l.pings++
	}
}

// countPing adds a ping that was not earned.
func (l *link) countPing() error {
	if l.pings > 0 {
		l.pings--
		return nil
	}
	return l.abuse.count(1)
}

// count adds n such frames, and fails when there were too many.
func (a *abuse) count(n int64) error {
	now := time.Now()
	if !a.at.IsZero() {
		a.level = max(0, a.level-now.Sub(a.at).Milliseconds()*abuseRate)
	}
	a.at = now
	if a.level += n * 1000; a.level > abuseBurst*1000 {
		return connErrorf(codeEnhanceYourCalm, "more than %d frames a second without any progress", abuseRate)
	}
	return nil
}

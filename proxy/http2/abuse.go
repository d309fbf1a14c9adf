package http2

import "time"

// abuse limits frames that cost work without advancing a request or response: requests
// cancelled before they are answered, streams that the gateway has to reset, pings,
// settings, frames without content. It is a leaky bucket: abuseBurst at once, and
// abuseRate a second in the long run.
type abuse struct {
	level int64 // in thousandths of a frame
	at    time.Time
}

const (
	abuseBurst = 1000
	abuseRate  = 100

	// refusedHead is how many frames an invalid head counts as, because a large one
	// costs the most.
	refusedHead = 10
)

// mostPings is the maximum of pings that a peer can have earned.
const mostPings = abuseBurst

// earnPing allows one ping for a DATA frame with content, in either direction. Peers
// measure the bandwidth with a ping for data that they receive, as gRPC does with each
// message of a chat, and that costs no more than the message itself. The caller holds
// the lock.
func (l *link) earnPing() {
	if l.pings < mostPings {
		l.pings++
	}
}

// countPing counts a ping that was not earned.
func (l *link) countPing() error {
	if l.pings > 0 {
		l.pings--
		return nil
	}
	return l.abuse.count(1)
}

// count counts n such frames, and returns an error if there were too many.
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

package http1

// yield decides whether to let other goroutines run between a write and the read of
// its response. On a busy machine the response is often there when the goroutine
// runs again. That saves a failed read, a visit to the poller, and putting the
// goroutine to sleep: a twentieth of the cost of a request. If no other goroutine
// can run, or the peer is slow, a yield has no use. So the results of earlier
// yields decide, and after failures a connection tries again only after a while.
//
// If every goroutine found its bytes after a yield, none would ever wait, and the
// runtime would check the poller only every ten milliseconds: new connections and
// other listeners would wait that long. So a connection uses the poller for at least
// every fourth request of its client.
type yield struct {
	score int8 // below 0: how many waits to skip before the next try
	row   int8 // consecutive tries
}

const (
	yieldTrust = 4  // consecutive misses that end the tries after many hits
	yieldPause = 32 // waits after that
	yieldRow   = 3  // consecutive tries for a client's next request
)

// due reports whether to try. It returns false after most consecutive tries; 0 is no
// limit.
func (y *yield) due(most int8) bool {
	if y.score < 0 {
		y.score++
		return false
	}
	if most == 0 {
		return true
	}
	if y.row >= most {
		y.row = 0
		return false
	}
	y.row++
	return true
}

// learn records whether the response was there.
func (y *yield) learn(hit bool) {
	switch {
	case hit:
		y.score = min(y.score+1, yieldTrust-1)
	case y.score == 0:
		y.score = -yieldPause
	default:
		y.score--
	}
}

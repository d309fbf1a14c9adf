package http1

// yield decides whether to let other goroutines run between a write and the
// read of its answer. On a busy machine that pays: the answer is there when the
// goroutine's turn comes again, and an attempt to read in vain, the poller and
// a goroutine put to sleep and woken are spared, a twentieth of what a request
// costs. Where nobody else has anything to do, or the peer is slow, it would be
// in vain. So what came of it before decides, and a connection that had no luck
// tries again only after a while.
//
// It is for the side of the endpoint alone: waiting for the client always goes
// through the poller, so that under load the poller gets its turn after at most
// one yield of each request, and other listeners wait no longer.
type yield struct {
	score int8 // below 0: waits to let pass before the next try
}

const (
	yieldTrust = 4  // misses in a row after many hits that end the tries
	yieldPause = 32 // waits after that
)

// due tells whether to try.
func (y *yield) due() bool {
	if y.score < 0 {
		y.score++
		return false
	}
	return true
}

// learn is told whether the answer was there.
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

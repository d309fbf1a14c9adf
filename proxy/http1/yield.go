package http1

// yield decides whether to let other goroutines run between a write and the
// read of its answer. On a busy machine that pays: the answer is there when the
// goroutine's turn comes again, and an attempt to read in vain, the poller and
// a goroutine put to sleep and woken are spared, a twentieth of what a request
// costs. Where nobody else has anything to do, or the peer is slow, it would be
// in vain. So what came of it before decides, and a connection that had no luck
// tries again only after a while.
//
// If every goroutine found its bytes after a yield, none would ever wait, and
// the runtime would look at the poller only every ten milliseconds: new
// connections and other listeners would wait as long. So a connection goes
// through the poller for every fourth request of its client, at least.
type yield struct {
	score int8 // below 0: waits to let pass before the next try
	row   int8 // tries since the last time that there was none
}

const (
	yieldTrust = 4  // misses in a row after many hits that end the tries
	yieldPause = 32 // waits after that
	yieldRow   = 3  // tries in a row for a client's next request
)

// due tells whether to try, if there were not most tries in a row before; 0 is
// any number.
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

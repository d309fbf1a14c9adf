package http1

import "time"

// keep says to a read or write that the deadline stands as it was set before.
const keep time.Duration = -1

// deadline remembers what was last given to SetReadDeadline or
// SetWriteDeadline of a connection, each of which costs a timer of the
// runtime. It is set a quarter of the timeout later than due, and left alone
// until it would come too early: a timeout never comes early, comes at most a
// quarter late, and costs nothing for most requests.
type deadline struct {
	at time.Time // zero: none is set
}

// renew tells what to set for something that may take until timeout from now,
// and whether that is needed at all. A timeout of 0 is none.
func (d *deadline) renew(timeout time.Duration) (time.Time, bool) {
	if timeout == keep {
		return d.at, false
	}
	if timeout == 0 {
		was := d.at
		d.at = time.Time{}
		return d.at, !was.IsZero()
	}
	latest := timeout + timeout/4
	if left := time.Until(d.at); left >= timeout && left <= latest {
		return d.at, false
	}
	d.at = time.Now().Add(latest)
	return d.at, true
}

package wire

import "time"

// Keep says to a read or write that the deadline stands as it was set before.
const Keep time.Duration = -1

// Deadline remembers what was last given to SetReadDeadline or
// SetWriteDeadline of a connection, each of which costs a timer of the
// runtime. It is set a quarter of the timeout later than due, and left alone
// until it would come too early: a timeout never comes early, comes at most a
// quarter late, and costs nothing for most requests.
type Deadline struct {
	At time.Time // zero: none is set
}

// Renew says what to set for something that may take until timeout from now,
// and whether that is needed at all. A timeout of 0 is none.
func (d *Deadline) Renew(timeout time.Duration) (time.Time, bool) {
	if timeout == Keep {
		return d.At, false
	}
	if timeout == 0 {
		was := d.At
		d.At = time.Time{}
		return d.At, !was.IsZero()
	}
	latest := timeout + timeout/4
	if left := time.Until(d.At); left >= timeout && left <= latest {
		return d.At, false
	}
	d.At = time.Now().Add(latest)
	return d.At, true
}

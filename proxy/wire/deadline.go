package wire

import "time"

// Keep means that a read or write uses the deadline that was set before.
const Keep time.Duration = -1

// Deadline remembers the last argument of SetReadDeadline or SetWriteDeadline of a
// connection, because each call costs a timer of the runtime. It is set a quarter of
// the timeout later than needed, and changed only when it would otherwise be too early.
// So a timeout is never early, at most a quarter late, and costs nothing for most
// requests.
type Deadline struct {
	At time.Time // zero: none is set
}

// Renew returns the deadline for something that may take until timeout from now, and
// whether it has to be set. A timeout of 0 is none.
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

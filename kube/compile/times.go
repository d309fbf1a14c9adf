package compile

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
)

// moment is nanoseconds since 1970.
type moment int64

// Compare orders moments as keys of a Map.
func (m moment) Compare(other moment) int {
	switch {
	case m < other:
		return -1
	case m > other:
		return 1
	}
	return 0
}

// deadlines contains when results change because of the time alone. A result has only
// its next moment there.
type deadlines[K gatelodge.Ordered[K]] = follow.Index[moment, K]

// setDeadline replaces the deadline of a result; the zero time is none.
func setDeadline[K gatelodge.Ordered[K]](edit *gatelodge.MapEdit[follow.Pair[moment, K], bool], key K, before, after time.Time) {
	if before.Equal(after) {
		return
	}
	if !before.IsZero() {
		edit.Set(follow.PairOf(moment(before.UnixNano()), key), false)
	}
	if !after.IsZero() {
		edit.Set(follow.PairOf(moment(after.UnixNano()), key), true)
	}
}

// due adds the results whose deadline has passed.
func due[K gatelodge.Ordered[K]](d follow.Dirty[K], list deadlines[K], now time.Time) {
	for p := range list.All() {
		if p.A > moment(now.UnixNano()) {
			return
		}
		d[p.B] = true
	}
}

// firstDeadline returns the next of all deadlines, the zero time if there is none.
func firstDeadline[K gatelodge.Ordered[K]](list deadlines[K]) time.Time {
	for p := range list.All() {
		return time.Unix(0, int64(p.A))
	}
	return time.Time{}
}

// earliest returns the earliest of times that are after now, the zero time if
// there is none.
func earliest(now time.Time, times ...time.Time) (first time.Time) {
	for _, t := range times {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// edges returns the start and the end of a certificate's validity; its last moment is
// within.
func edges(c *gatelodge.Certificate) (begin, end time.Time) {
	return c.NotBefore, c.NotAfter.Add(1)
}

// current reports whether a result that was made at a moment, and changes at until, is
// still valid.
func current(made, until, now time.Time) bool {
	return !now.Before(made) && (until.IsZero() || now.Before(until))
}

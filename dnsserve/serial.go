package dnsserve

import "time"

// zoneKey names a zone in a view.
type zoneKey struct{ zone, view string }

// serials chooses the serials of zones: the Unix time of a zone's last change, or
// one more than its last serial where that would not be an increase (RFC 1982).
// It remembers zones that are gone, so that the serial of a zone that returns
// increases too.
type serials struct {
	now  func() time.Time
	last map[zoneKey]uint32
}

func newSerials() *serials {
	return &serials{now: time.Now, last: make(map[zoneKey]uint32)}
}

// next returns the serial for new content of the zone.
func (s *serials) next(key zoneKey) uint32 {
	serial := uint32(s.now().Unix())
	if last, ok := s.last[key]; ok && !serialLess(last, serial) {
		serial = last + 1
	}
	s.last[key] = serial
	return serial
}

// serialLess compares serials (RFC 1982 §3.2). Of two that are exactly half the
// range apart, neither is less.
func serialLess(a, b uint32) bool {
	d := b - a
	return d != 0 && d < 1<<31
}

package dnsserve

import (
	"testing"
	"time"
)

// TestSerialAlwaysIncreases: it is the time, or where that would not be an
// increase one more than before (RFC 1982).
func TestSerialAlwaysIncreases(t *testing.T) {
	now := time.Unix(1000, 0)
	s := newSerials()
	s.now = func() time.Time { return now }
	zone, other := zoneKey{"example", "default"}, zoneKey{"example", "internal"}
	step := func(what string, key zoneKey, want uint32) {
		t.Helper()
		if got := s.next(key); got != want {
			t.Errorf("%s: serial %d, want %d", what, got, want)
		}
	}
	step("the first version", zone, 1000)
	step("a second change within the second", zone, 1001)
	step("another view goes its own way", other, 1000)
	now = time.Unix(2000, 0)
	step("later", zone, 2000)
	now = time.Unix(500, 0)
	step("a clock that was set back", zone, 2001)
	now = time.Unix(1<<32-1, 0)
	step("half the circle is too far ahead", other, 1001)
	s.last[zone] = 1<<32 - 1
	now = time.Unix(1<<32+5, 0) // 2106
	step("past the end of 32 bits", zone, 5)
	s.last[zone] = 1<<32 - 1
	now = time.Unix(1<<32-1, 0)
	step("from the last number", zone, 0)
}

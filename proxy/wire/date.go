package wire

import (
	"sync/atomic"
	"time"
)

// dateFormat is an IMF-fixdate (RFC 9110 §5.6.7).
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// Date is the value of the Date field, which is formatted once a second.
type Date struct {
	last atomic.Pointer[dateOfSecond]
}

type dateOfSecond struct {
	second int64
	text   string
}

// Now returns the current date.
func (d *Date) Now() string {
	now := time.Now()
	last := d.last.Load()
	if last == nil || last.second != now.Unix() {
		last = &dateOfSecond{now.Unix(), now.UTC().Format(dateFormat)}
		d.last.Store(last)
	}
	return last.text
}

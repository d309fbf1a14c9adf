package http1

import (
	"sync/atomic"
	"time"
)

// dateFormat is an IMF-fixdate (RFC 9110 §5.6.7).
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// date writes the Date field, which is formatted once a second.
type date struct {
	last atomic.Pointer[dateLine]
}

type dateLine struct {
	second int64
	line   string
}

func (d *date) append(b []byte) []byte {
	now := time.Now()
	last := d.last.Load()
	if last == nil || last.second != now.Unix() {
		last = &dateLine{now.Unix(), "Date: " + now.UTC().Format(dateFormat) + "\r\n"}
		d.last.Store(last)
	}
	return append(b, last.line...)
}

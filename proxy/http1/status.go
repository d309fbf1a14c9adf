package http1

import (
	"strconv"

	"gatelodge.dev/proxy/wire"
)

// appendStatusLine appends the status line with the registered reason phrase, which
// is only for people (RFC 9112 §4).
func appendStatusLine(b []byte, status int) []byte {
	if status == 200 {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, wire.Reason(status)...)
	return append(b, "\r\n"...)
}

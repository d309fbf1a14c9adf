package http1

import (
	"strconv"

	"gatelodge.dev/proxy/wire"
)

// appendStatusLine writes the status line with the reason that the status is
// registered with. Nobody reads it but people (RFC 9112 §4).
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

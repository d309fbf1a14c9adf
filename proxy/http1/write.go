package http1

import (
	"strconv"

	"gatelodge.dev/proxy/exchange"
)

// appendField appends a field line. Names are sent in the usual form, such as
// Content-Type: they are case-insensitive, but some old peers depend on it.
func appendField(b []byte, name, value string) []byte {
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper = c == '-'
		b = append(b, c)
	}
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

func appendFields(b []byte, fields exchange.Fields) []byte {
	for i := range fields {
		b = appendField(b, fields[i].Name, fields[i].Value)
	}
	return b
}

func appendLength(b []byte, length int64) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, length, 10)
	return append(b, "\r\n"...)
}

// appendChunkSize starts a chunk of n bytes.
func appendChunkSize(b []byte, n int) []byte {
	b = strconv.AppendUint(b, uint64(n), 16)
	return append(b, "\r\n"...)
}

// appendLastChunk ends a chunked body (RFC 9112 §7.1).
func appendLastChunk(b []byte, trailers exchange.Fields) []byte {
	b = append(b, "0\r\n"...)
	b = appendFields(b, trailers)
	return append(b, "\r\n"...)
}

package http1

import (
	"strconv"

	"gatelodge.dev/proxy/exchange"
)

// appendField appends a field line of ours.
func appendField(b []byte, name, value string) []byte {
	return appendSpelled(b, &exchange.Field{Name: name, Value: value})
}

// appendSpelled appends a field line, the name in its spelling.
func appendSpelled(b []byte, f *exchange.Field) []byte {
	b = exchange.AppendName(b, f.Name, f.Spelling)
	b = append(b, ": "...)
	b = append(b, f.Value...)
	return append(b, "\r\n"...)
}

func appendFields(b []byte, fields exchange.Fields) []byte {
	for i := range fields {
		b = appendSpelled(b, &fields[i])
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

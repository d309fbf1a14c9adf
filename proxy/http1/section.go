package http1

import (
	"bytes"
	"time"

	"gatelodge.dev/proxy/wire"
)

// section appends to dst the lines up to and including the next empty one: a head,
// or the trailers (RFC 9112 §2.1, §7.1.2). timeout applies to the whole section,
// or with drip to each read.
//
// A line that ends in a bare LF is refused, although RFC 9112 §2.2 allows to accept
// it, because not every reader would take that for an end of line.
func (bc *bufConn) section(dst []byte, limit wire.Bounds, timeout time.Duration, drip bool) ([]byte, error) {
	from := len(dst)
	line := from
	for {
		if bc.buffered() == 0 {
			if err := bc.fill(timeout); err != nil {
				return dst, err
			}
			if !drip {
				timeout = wire.Keep
			}
		}
		part := bc.in[bc.r:bc.w]
		end := bytes.IndexByte(part, '\n')
		if end >= 0 {
			part = part[:end+1]
		}
		if len(dst)-from+len(part) > limit.Bytes {
			if line == from {
				return dst, wire.TooLarge(414, "the first line has more than %d bytes", limit.Bytes)
			}
			return dst, wire.TooLarge(431, "the head has more than %d bytes", limit.Bytes)
		}
		dst = append(dst, part...)
		bc.r += len(part)
		if end < 0 {
			continue
		}
		if n := len(dst); n-line < 2 || dst[n-2] != '\r' {
			return dst, wire.Badf("a line ends in LF without CR")
		}
		if len(dst)-line == 2 {
			return dst, nil
		}
		line = len(dst)
	}
}

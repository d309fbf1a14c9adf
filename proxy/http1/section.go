package http1

import (
	"bytes"
	"time"
)

// bounds limit a head or a trailer section.
type bounds struct {
	bytes  int
	fields int
}

// section appends to dst the lines up to and with the next empty one: a head,
// or the trailers (RFC 9112 §2.1, §7.1.2). The whole of it may take timeout, or
// each read of it where drip is allowed.
//
// A line that ends in a bare LF is refused at once, not taken for an end of
// line (RFC 9112 §2.2 leaves that choice), since not every reader would.
func (s *stream) section(dst []byte, limit bounds, timeout time.Duration, drip bool) ([]byte, error) {
	from := len(dst)
	line := from
	for {
		if s.buffered() == 0 {
			if err := s.fill(timeout); err != nil {
				return dst, err
			}
			if !drip {
				timeout = keep
			}
		}
		part := s.in[s.r:s.w]
		end := bytes.IndexByte(part, '\n')
		if end >= 0 {
			part = part[:end+1]
		}
		if len(dst)-from+len(part) > limit.bytes {
			if line == from {
				return dst, tooLarge(414, "the first line has more than %d bytes", limit.bytes)
			}
			return dst, tooLarge(431, "the head has more than %d bytes", limit.bytes)
		}
		dst = append(dst, part...)
		s.r += len(part)
		if end < 0 {
			continue
		}
		if n := len(dst); n-line < 2 || dst[n-2] != '\r' {
			return dst, badf("a line ends in LF without CR")
		}
		if len(dst)-line == 2 {
			return dst, nil
		}
		line = len(dst)
	}
}

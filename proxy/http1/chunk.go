package http1

import (
	"io"

	"gatelodge.dev/proxy/wire"
)

// Limits of a chunked body. Chunk extensions are unused in practice: they are
// skipped, up to a limit.
const (
	maxSizeDigits = 15      // of hexadecimal; the sum of two chunks fits an int64
	maxExtensions = 4 << 10 // bytes, in all chunks of a body together
)

// chunkState is the state of a chunked body between two chunks.
type chunkState struct {
	begun      bool // a chunk was read, and the CR LF after its data is due
	extensions int  // bytes of chunk extensions so far
}

// nextChunk reads what is between the data of two chunks (RFC 9112 §7.1): the CR
// LF of the first, and size and extensions of the second. At the last chunk it
// reads the trailers and returns io.EOF.
func (b *body) nextChunk() error {
	if b.chunk.begun {
		if err := b.endOfLine("the data of a chunk"); err != nil {
			return err
		}
	}
	b.chunk.begun = true
	size, err := b.chunkSize()
	if err != nil {
		return err
	}
	if size > 0 {
		b.left = size
		return nil
	}
	if b.s.buffered() == 0 {
		if err := b.fill(); err != nil {
			return unexpected(err)
		}
	}
	if b.text, err = b.s.section(b.text[:0], b.limit, b.timeout, true); err != nil {
		return unexpected(err)
	}
	b.trailers.reset()
	if err := b.trailers.parse(b.text, ofTrailers, b.limit.Fields); err != nil {
		return err
	}
	return io.EOF
}

// chunkSize reads a line like "1a;name=value".
func (b *body) chunkSize() (int64, error) {
	var size int64
	for digits := 0; ; digits++ {
		c, err := b.byte()
		if err != nil {
			return 0, err
		}
		switch {
		case wire.IsDigit(c):
			size = size<<4 | int64(c-'0')
		case wire.IsHex(c):
			size = size<<4 | int64(c|0x20-'a'+10)
		case digits == 0:
			return 0, wire.Badf("chunk size: expected a hexadecimal digit, not 0x%02x", c)
		case c == '\r':
			return size, b.lineFeed("a chunk size")
		case c == ';':
			return size, b.skipExtension()
		case b.lenient && wire.IsBlank(c):
			// Some servers pad the size (RFC 9112 §7.1.1 has blanks before an
			// extension). A blank neither goes on with the number nor ends the
			// line, so no two readers can end the chunk in different places;
			// and the client gets chunks of ours.
			return size, b.skipExtension()
		default:
			return 0, wire.Badf("chunk size: expected CR LF or a semicolon after it, not 0x%02x", c)
		}
		if digits == maxSizeDigits {
			return 0, wire.Badf("chunk size: it has more than %d digits", maxSizeDigits)
		}
	}
}

// skipExtension reads to the end of the line. A bare CR or LF does not end it:
// accepting that has allowed request smuggling by extensions.
func (b *body) skipExtension() error {
	for {
		c, err := b.byte()
		if err != nil {
			return err
		}
		if c == '\r' {
			return b.lineFeed("a chunk extension")
		}
		if wire.IsControl(c) {
			return wire.Badf("chunk extension: it has the control character 0x%02x", c)
		}
		if b.chunk.extensions++; b.chunk.extensions > maxExtensions {
			return wire.TooLarge(400, "the chunk extensions have more than %d bytes", maxExtensions)
		}
	}
}

func (b *body) endOfLine(after string) error {
	c, err := b.byte()
	if err == nil && c != '\r' {
		err = wire.Badf("chunked body: expected CR LF after %s, not 0x%02x", after, c)
	}
	if err != nil {
		return err
	}
	return b.lineFeed(after)
}

func (b *body) lineFeed(after string) error {
	c, err := b.byte()
	if err == nil && c != '\n' {
		err = wire.Badf("chunked body: expected CR LF after %s, not CR 0x%02x", after, c)
	}
	return err
}

// byte reads one byte, and waits for it if necessary.
func (b *body) byte() (byte, error) {
	if b.s.buffered() == 0 {
		if err := b.fill(); err != nil {
			return 0, unexpected(err)
		}
	}
	c := b.s.in[b.s.r]
	b.s.r++
	return c, nil
}

// unexpected returns the error for an end of the connection within a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

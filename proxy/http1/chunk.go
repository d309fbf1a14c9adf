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

// chunkState is where a chunked body is between the data of two chunks. Reading
// may stop after each byte and continue later.
type chunkState struct {
	step       chunkStep
	size       int64 // of the next chunk, as far as it was read
	digits     int   // so many of it
	extensions int   // bytes of chunk extensions so far
}

type chunkStep uint8

const (
	atSize      chunkStep = iota
	atExtension           // after the size
	atSizeLF              // the CR after size or extension was read
	atDataCR              // the data of a chunk was read
	atDataLF
	atTrailers // after the last chunk
)

// nextChunk reads what is between the data of two chunks (RFC 9112 §7.1): the CR
// LF of the first, and size and extensions of the second. At the last chunk it
// reads the trailers and returns io.EOF.
func (b *body) nextChunk() error {
	k := &b.chunk
	for k.step != atTrailers {
		c, err := b.byte()
		if err != nil {
			return err
		}
		switch k.step {
		case atSize:
			err = b.sizeByte(c)
		case atExtension:
			err = b.extensionByte(c)
		case atDataCR:
			if k.step = atDataLF; c != '\r' {
				err = wire.Badf("chunked body: expected CR LF after the data of a chunk, not 0x%02x", c)
			}
		case atDataLF:
			if k.step = atSize; c != '\n' {
				err = wire.Badf("chunked body: expected CR LF after the data of a chunk, not CR 0x%02x", c)
			}
		case atSizeLF:
			if c != '\n' {
				return wire.Badf("chunked body: expected CR LF after a chunk size, not CR 0x%02x", c)
			}
			if k.size > 0 {
				b.left, k.size, k.digits, k.step = k.size, 0, 0, atDataCR
				return nil
			}
			k.step = atTrailers
		}
		if err != nil {
			return err
		}
	}
	return b.readTrailers()
}

// sizeByte takes a byte of a line like "1a;name=value", before the semicolon.
func (b *body) sizeByte(c byte) error {
	k := &b.chunk
	switch {
	case wire.IsDigit(c):
		k.size = k.size<<4 | int64(c-'0')
	case wire.IsHex(c):
		k.size = k.size<<4 | int64(c|0x20-'a'+10)
	case k.digits == 0:
		return wire.Badf("chunk size: expected a hexadecimal digit, not 0x%02x", c)
	case c == '\r':
		k.step = atSizeLF
		return nil
	case c == ';', b.lenient && wire.IsBlank(c):
		// Some servers pad the size (RFC 9112 §7.1.1 has blanks before an
		// extension). A blank neither goes on with the number nor ends the
		// line, so no two readers can end the chunk in different places;
		// and the client gets chunks of ours.
		k.step = atExtension
		return nil
	default:
		return wire.Badf("chunk size: expected CR LF or a semicolon after it, not 0x%02x", c)
	}
	if k.digits++; k.digits > maxSizeDigits {
		return wire.Badf("chunk size: it has more than %d digits", maxSizeDigits)
	}
	return nil
}

// extensionByte takes a byte of the rest of the line. A bare CR or LF does not
// end it: accepting that has allowed request smuggling by extensions.
func (b *body) extensionByte(c byte) error {
	if c == '\r' {
		b.chunk.step = atSizeLF
		return nil
	}
	if wire.IsControl(c) {
		return wire.Badf("chunk extension: it has the control character 0x%02x", c)
	}
	if b.chunk.extensions++; b.chunk.extensions > maxExtensions {
		return wire.TooLarge(400, "the chunk extensions have more than %d bytes", maxExtensions)
	}
	return nil
}

// readTrailers reads the trailer section and returns io.EOF.
func (b *body) readTrailers() error {
	if b.bc.buffered() == 0 {
		if err := b.fill(); err != nil {
			return unexpected(err)
		}
	}
	var err error
	if b.text, err = b.bc.section(b.text[:0], b.limit, b.timeout, true); err != nil {
		return unexpected(err)
	}
	b.trailers.reset()
	if err := b.trailers.parse(b.text, ofTrailers, b.limit.Fields); err != nil {
		return err
	}
	return io.EOF
}

// byte reads one byte, and waits for it if necessary.
func (b *body) byte() (byte, error) {
	if b.bc.buffered() == 0 {
		if err := b.fill(); err != nil {
			return 0, unexpected(err)
		}
	}
	c := b.bc.in[b.bc.r]
	b.bc.r++
	return c, nil
}

// unexpected returns the error for an end of the connection within a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

package http1

import (
	"errors"
	"io"
	"math"
	"os"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// framing is how a body is delimited (RFC 9112 §6.3).
type framing uint8

const (
	none       framing = iota
	sized              // by a Content-Length
	chunked            // by the chunked coding
	untilClose         // by the end of the connection; answers only
)

// body reads the body of a message from a connection, and nothing after it.
type body struct {
	bc      *bufConn
	how     framing
	left    int64         // bytes left of the body, or of the chunk
	timeout time.Duration // between two reads
	limit   wire.Bounds   // of the trailers
	lenient bool          // a response: blanks after the size of a chunk are skipped
	flusher flusher       // to flush before waiting for more; may be nil
	err     error         // io.EOF at the end; permanent

	chunk    chunkState
	text     []byte // of the trailers
	trailers head
}

func (b *body) begin(bc *bufConn, how framing, length int64, timeout time.Duration, limit wire.Bounds) {
	b.bc, b.how, b.left, b.timeout, b.limit = bc, how, length, timeout, limit
	b.lenient, b.flusher, b.err, b.chunk = false, nil, nil, chunkState{}
	switch how {
	case none:
		b.err = io.EOF
	case chunked:
		b.left = 0
	case untilClose:
		b.left = math.MaxInt64
	}
}

// reset prepares b for reuse, and keeps the memory for trailers if it is small.
func (b *body) reset() {
	b.trailers.reset()
	*b = body{trailers: b.trailers, text: b.text[:0]}
	if cap(b.text) > wire.KeptHead {
		b.text = nil
	}
}

// complete reports whether the whole body has been read.
func (b *body) complete() bool {
	return b.err == io.EOF || b.how == sized && b.left == 0 && b.err == nil
}

// next returns more of the body, which is valid until the next call, or io.EOF.
func (b *body) next() ([]byte, error) {
	if err := b.more(); err != nil {
		return nil, err
	}
	if b.bc.buffered() == 0 {
		if err := b.fill(); err != nil {
			return nil, b.ended(err)
		}
	}
	p := b.bc.take(b.left)
	b.left -= int64(len(p))
	return p, nil
}

// Read reads large parts directly into p.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.more(); err != nil {
		return 0, err
	}
	p = p[:min(int64(len(p)), b.left)]
	if b.bc.buffered() == 0 && len(p) < direct {
		if err := b.fill(); err != nil {
			return 0, b.ended(err)
		}
	}
	if b.bc.buffered() > 0 {
		n := copy(p, b.bc.take(int64(len(p))))
		b.left -= int64(n)
		return n, nil
	}
	n, err := b.bc.readInto(p, b.timeout)
	b.left -= int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, b.ended(err)
}

// flusher is the other side of a body that is forwarded as it arrives.
type flusher interface{ Flush() error }

// fill waits for bytes, but first flushes what was forwarded so far: the peer may
// send more only when that was received.
func (b *body) fill() error {
	if b.flusher != nil {
		if err := b.flusher.Flush(); err != nil {
			return err
		}
	}
	return b.bc.fill(b.timeout)
}

// more makes left positive, or returns why there is no more of the body.
func (b *body) more() error {
	switch {
	case b.err != nil || b.left > 0:
		return b.err
	case b.how != chunked:
		b.err = io.EOF
		return io.EOF
	}
	err := b.nextChunk()
	if !errors.Is(err, errStopped) && !errors.Is(err, os.ErrDeadlineExceeded) {
		b.err = err
	}
	return err
}

// ended returns what an error of the connection means within a body. After
// errStopped and a timeout reading may continue.
func (b *body) ended(err error) error {
	if err == io.EOF && b.how != untilClose {
		err = io.ErrUnexpectedEOF
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		b.err = err
	}
	return err
}

// Trailers returns the fields after the body, once Read has returned io.EOF.
func (b *body) Trailers() exchange.Fields { return b.trailers.fields }

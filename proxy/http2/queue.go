package http2

import (
	"slices"

	"gatelodge.dev/proxy/wire"
)

// queue contains the received bytes of a stream until they are read. A small body is in
// the queue's own memory, which is reused with a pooled stream; a larger one is in
// buffers of the pool, so nothing has to grow.
type queue struct {
	size  int    // bytes in parts
	parts []part // in order, none of them empty
	own   []byte // memory of ownSize, empty; nil until it is needed
	lent  bool   // a part in own was taken
}

// part is a piece of the received bytes.
type part struct {
	b   []byte
	buf *wire.Buffer // that contains b; nil: b is in the queue's own memory
}

const ownSize = 4 << 10

// put appends a copy of p.
func (q *queue) put(p []byte) {
	q.size += len(p)
	for len(p) > 0 {
		if len(q.parts) == 0 || len(q.last().b) == cap(q.last().b) {
			q.parts = append(q.parts, q.room(len(p)))
		}
		last := q.last()
		n := min(len(p), cap(last.b)-len(last.b))
		last.b = append(last.b, p[:n]...)
		p = p[n:]
	}
}

func (q *queue) last() *part { return &q.parts[len(q.parts)-1] }

// room returns an empty part for size bytes and more to come.
func (q *queue) room(size int) part {
	if size > ownSize || len(q.parts) > 0 || q.lent {
		buf := wire.TakeBuffer()
		return part{buf[:0], buf}
	}
	if q.own == nil {
		q.own = make([]byte, 0, ownSize)
	}
	return part{b: q.own}
}

// read moves as much as fits to p.
func (q *queue) read(p []byte) (n int) {
	for n < len(p) && len(q.parts) > 0 {
		first := &q.parts[0]
		moved := copy(p[n:], first.b)
		n += moved
		q.size -= moved
		if first.b = first.b[moved:]; len(first.b) == 0 {
			q.give(q.drop())
		}
	}
	return n
}

// take returns the first part, which must be given back.
func (q *queue) take() part {
	p := q.drop()
	q.size -= len(p.b)
	q.lent = q.lent || p.buf == nil
	return p
}

func (q *queue) drop() part {
	p := q.parts[0]
	q.parts = slices.Delete(q.parts, 0, 1)
	return p
}

// give returns a part that is not used any more.
func (q *queue) give(p part) {
	switch {
	case p.buf != nil:
		wire.GiveBuffer(p.buf)
	case p.b != nil:
		q.lent = false
	}
}

// clear drops unread bytes.
func (q *queue) clear() {
	for len(q.parts) > 0 {
		q.give(q.drop())
	}
	q.size = 0
}

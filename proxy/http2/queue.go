package http2

import (
	"slices"

	"gatelodge.dev/proxy/wire"
)

// queue holds what came on a stream until it is read. A small body is in memory
// of the queue's own, which the next user of a pooled stream has again; a larger
// one is in buffers of the pool, so that none has to grow.
type queue struct {
	size  int    // bytes in parts
	parts []part // in order, none of them empty
	own   []byte // memory of ownSize, empty; nil until it is needed
	lent  bool   // a part in it was taken
}

// part is a piece of what came.
type part struct {
	b   []byte
	buf *wire.Buffer // that b is in; nil: it is in the queue's own memory
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

// room returns an empty part, for size bytes and what may follow them.
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

// read moves what fits to p.
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

// take returns the first part, which is to be given back.
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

// give takes a part back that is not used any more.
func (q *queue) give(p part) {
	switch {
	case p.buf != nil:
		wire.GiveBuffer(p.buf)
	case p.b != nil:
		q.lent = false
	}
}

// clear forgets what was not read.
func (q *queue) clear() {
	for len(q.parts) > 0 {
		q.give(q.drop())
	}
	q.size = 0
}

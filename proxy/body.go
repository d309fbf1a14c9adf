package proxy

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/spool"
)

// body is the request's body: it limits its size, and keeps its start, so that a
// request that its endpoint did not process can be sent again.
type body struct {
	exchange.Body
	limit int64 // 0: none
	size  int64
	kept  []byte       // what was read, unless lost
	again int          // how much of kept was read since rewind
	lost  bool         // more was read than is kept
	all   atomic.Bool  // all of it is kept; another goroutine may be the one that reads
	copy  *requestCopy // gets what is read; nil: there is none

	edited  []fieldEdit  // of the request: its trailers must not bring back what they change
	refused []string     // names of further fields that its trailers must not have
	whole   *spool.Spool // all of it, if it was buffered; nil: it comes as it is read
}

// limitBody sets the limit of the route, and refuses a request that announces a larger
// body.
func limitBody(r *request) *answer {
	if most := r.route.source.Policy.BodyBytes; most != nil {
		r.body.limit = *most
	}
	if limit := r.body.limit; limit > 0 && r.x.Length > limit {
		return contentTooLarge(fmt.Sprintf("a body of %d bytes, the limit is %d", r.x.Length, limit))
	}
	return nil
}

// How much of a body is kept, in bytes, and how much memory for it a pooled request
// keeps for the next one.
const (
	mostKept   = 64 << 10
	keptMemory = 4 << 10
)

// Read reads from the client as long as the limit allows.
func (b *body) Read(p []byte) (int, error) {
	if b.whole != nil {
		n, err := b.whole.Read(p)
		if b.copy != nil {
			b.copy.add(p[:n], err == io.EOF)
		}
		return n, err
	}
	if b.again < len(b.kept) {
		n := copy(p, b.kept[b.again:])
		b.again += n
		return n, nil
	}
	n, err := b.receive(p)
	b.keep(p[:n])
	if err == io.EOF && !b.lost {
		b.all.Store(true)
	}
	return n, err
}

// receive reads on from the client.
func (b *body) receive(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	b.size += int64(n)
	if b.limit > 0 && b.size > b.limit {
		b.lost = true
		return 0, fmt.Errorf("%w: read body: %w: more than %d bytes", exchange.ErrClient, exchange.ErrTooLarge, b.limit)
	}
	if b.copy != nil {
		b.copy.add(p[:n], err == io.EOF)
	}
	return n, err
}

func (b *body) keep(p []byte) {
	switch {
	case b.lost:
	case len(b.kept)+len(p) > mostKept:
		b.lost, b.kept, b.again = true, b.kept[:0], 0
	default:
		b.kept = append(b.kept, p...)
		b.again = len(b.kept)
	}
}

// rewind makes the body readable from its beginning again. It must not be lost.
func (b *body) rewind() {
	if b.whole != nil {
		b.whole.Rewind()
		if b.copy != nil {
			b.copy.restart()
		}
		return
	}
	b.again = 0
	b.Body.Reopen()
}

// staysWhole reports whether the whole body is available for another attempt,
// however the current one continues. length is the announced length.
func (b *body) staysWhole(length int64) bool {
	return b.whole != nil || length >= 0 && length <= mostKept || b.all.Load()
}

// Close ends reading from the client, unless all of the body was read.
func (b *body) Close() error {
	if b.whole != nil {
		return nil
	}
	return b.Body.Close()
}

// Buffered returns how much the client has sent already (exchange.Buffered).
func (b *body) Buffered() (n int64, whole bool) {
	if b.whole != nil {
		return b.whole.Left(), true
	}
	n, whole = exchange.Buffered(b.Body)
	return n + int64(len(b.kept)-b.again), whole
}

// Trailers returns the trailers, except those that a backend may treat like fields of
// the head, because these were checked before the body arrived.
func (b *body) Trailers() exchange.Fields {
	var trailers exchange.Fields
	for _, f := range b.Body.Trailers() {
		if f.Name != "authorization" && f.Name != "proxy" && !isForwarded(f.Name) && strings.IndexByte(f.Name, '_') < 0 &&
			!slices.Contains(b.refused, f.Name) &&
			!slices.ContainsFunc(b.edited, func(e fieldEdit) bool { return e.Name == f.Name || e.Prefix && strings.HasPrefix(f.Name, e.Name) }) {
			trailers = append(trailers, f)
		}
	}
	return trailers
}

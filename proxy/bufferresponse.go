package proxy

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/spool"
)

// bufferResponse reads an answer as fast as the endpoint sends it, so that a slow
// client does not occupy the endpoint.
func bufferResponse(p *gatelodge.Policy) step {
	b := p.Buffering
	if b == nil || !b.Response {
		return nil
	}
	return func(r *request) *answer {
		if !isGRPC(r.x.Header) {
			h := r.hold()
			h.buffered = bufferedResponse{Response: r.x.Response, r: r, policy: b}
			r.x.Response = &h.buffered
		}
		return nil
	}
}

// bufferedResponse is a response that a separate goroutine writes to the client, as
// soon as the endpoint pauses or the memory is full. Until then all of it is in memory;
// most answers are complete by then.
type bufferedResponse struct {
	exchange.Response
	r      *request
	policy *gatelodge.Buffering

	streamed bool         // the answer is not buffered
	queue    *spool.Queue // nil: nothing was written yet, or it is streamed
	copied   chan error   // the goroutine's result; nil: there is none
	trailers exchange.Fields
}

// Head honours X-Accel-Buffering: no, as nginx does.
func (b *bufferedResponse) Head(status int, header exchange.Fields, length int64) error {
	b.streamed = strings.EqualFold(header.Get("x-accel-buffering"), "no")
	return b.Response.Head(status, header, length)
}

func (b *bufferedResponse) Write(p []byte) (int, error) {
	if b.queue == nil && !b.streamed {
		b.queue = spool.NewQueue(b.r.account(), b.policy.ResponseMemory, b.policy.ResponseFile)
		if b.queue == nil {
			b.streamed = true
			b.r.series().buffered("response", "full")
		}
	}
	if b.streamed {
		return b.Response.Write(p)
	}
	n := 0
	if b.copied == nil {
		if n = b.queue.TryWrite(p); n == len(p) {
			return n, nil
		}
		b.copy()
	}
	more, err := b.queue.Write(p[n:])
	return n + more, err
}

// Flush starts sending what was written, because the client may wait for it.
func (b *bufferedResponse) Flush() error {
	if b.queue == nil {
		return b.Response.Flush()
	}
	if b.copied == nil {
		b.copy()
	}
	return nil
}

func (b *bufferedResponse) copy() {
	copied, q, to := make(chan error, 1), b.queue, b.Response
	b.copied = copied
	go func() { copied <- q.Copy(to) }()
}

// Trailers keeps the trailers until the body is sent.
func (b *bufferedResponse) Trailers(trailers exchange.Fields) error {
	if b.queue == nil {
		return b.Response.Trailers(trailers)
	}
	b.trailers = slices.Clone(trailers)
	for i := range b.trailers {
		f := &b.trailers[i]
		f.Name, f.Value = strings.Clone(f.Name), strings.Clone(f.Value)
	}
	return nil
}

// finish waits until the client has everything that was written. The endpoint is not
// involved any more.
func (b *bufferedResponse) finish() error {
	q := b.queue
	if q == nil {
		return nil
	}
	b.queue = nil
	q.End()
	var err error
	if b.copied == nil {
		err = q.Copy(b.Response)
	} else {
		err = <-b.copied
	}
	if q.Spilled() {
		b.r.series().buffered("response", "file")
	}
	q.Close()
	if err == nil && b.trailers != nil {
		err = b.Response.Trailers(b.trailers)
	}
	return err
}

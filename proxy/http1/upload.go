package http1

import (
	"fmt"
	"io"
	"sync/atomic"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// upload sends the body of a request in a separate goroutine, while the one that
// called Do reads the response.
type upload struct {
	f       *forward
	started bool
	done    chan struct{}
	unasked atomic.Bool // the body is no longer needed

	// To be read after done is closed.
	sent bool  // all of it
	err  error // of the client
}

// start starts sending, once.
func (u *upload) start() {
	if !u.started {
		u.started = true
		u.f.ec.bc.suspendDeadline()
		go u.run()
	}
}

// run resumes the read deadline when it is done: from then on it is the endpoint's
// turn, and Timeouts.Read applies.
func (u *upload) run() {
	defer close(u.done)
	u.sent = u.copy() == nil
	if u.err != nil {
		u.f.ec.bc.conn.Close() // the endpoint must not take an incomplete body for a complete one
		return
	}
	u.f.ec.bc.resumeDeadline(u.f.timeouts.Read)
}

// copy reads the body and writes it after the head, which is already in the output.
// It returns only errors of the client: an endpoint that accepts no more may have
// responded, which the other goroutine will see.
func (u *upload) copy() error {
	ex, o, send := u.f.ex, &u.f.ec.bc.out, u.f.timeouts.Send
	buf := wire.TakeBuffer()
	defer wire.GiveBuffer(buf)
	left := ex.Length
	for parts := 0; ; {
		if n, _ := exchange.Buffered(ex.Body); n == 0 {
			if err := o.flush(send); err != nil {
				return err
			}
		}
		n, err := ex.Body.Read(buf[:])
		if n > 0 {
			if parts++; parts == 2 { // the endpoint may take a long body slowly
				u.f.ec.takesTime()
			}
			tail := ""
			if ex.Length < 0 {
				tail = "\r\n"
				o.grow()
				o.b = appendChunkSize(o.b, n)
			} else if left -= int64(n); left < 0 {
				return u.fail(fmt.Errorf("%w: the body is longer than the %d bytes announced", exchange.ErrClient, ex.Length))
			}
			if err := o.write(buf[:n], tail, send); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return u.fail(err)
		}
	}
	if left > 0 {
		return u.fail(fmt.Errorf("%w: %d of %d bytes of the body are missing", exchange.ErrClient, left, ex.Length))
	}
	if ex.Length < 0 {
		o.grow()
		trailers := ex.Body.Trailers()
		if wire.CheckFields(trailers) != nil {
			trailers = nil // they may be dropped (RFC 9110 §6.5.1)
		}
		o.b = appendLastChunk(o.b, trailers)
	}
	return o.flush(send)
}

func (u *upload) fail(err error) error {
	if !u.unasked.Load() {
		u.err = err
	}
	return err
}

// end waits for the goroutine after the response has ended with err, and stops it
// if it is still sending: then the endpoint did not need the rest of the body. It
// returns the error of the exchange.
func (u *upload) end(err error) error {
	if !u.started {
		return err
	}
	select {
	case <-u.done:
	default:
		u.unasked.Store(true)
		u.f.ec.bc.conn.Close()
		u.f.ex.Body.Close()
		<-u.done
	}
	if err != nil && u.err != nil {
		return u.err
	}
	return err
}

package http1

import (
	"fmt"
	"io"
	"sync/atomic"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// upload sends the body of a request from a goroutine of its own, while the
// answer is read in the one that called Do.
type upload struct {
	f       *forward
	started bool
	done    chan struct{}
	unasked atomic.Bool // the body is of no use any more

	// For reading once done is closed.
	sent bool  // all of it
	err  error // what is wrong with the client's side
}

// start begins to send, once.
func (u *upload) start() {
	if !u.started {
		u.started = true
		u.f.ec.s.patience()
		go u.run()
	}
}

// run ends the endpoint's patience when it is done: from then on it is the
// endpoint's turn, and Timeouts.Read holds.
func (u *upload) run() {
	defer close(u.done)
	u.sent = u.copy() == nil
	if u.err != nil {
		u.f.ec.s.conn.Close() // the endpoint must not take what it got for the whole
		return
	}
	u.f.ec.s.hurry(u.f.timeouts.Read)
}

// copy reads the body and writes it, behind the head, which is in the output
// already. An error is told only if it is the client's: an endpoint that takes
// no more may have answered all the same, which the other goroutine will see.
func (u *upload) copy() error {
	ex, o, send := u.f.ex, &u.f.ec.s.out, u.f.timeouts.Send
	buf := wire.TakeBuffer()
	defer wire.GiveBuffer(buf)
	left := ex.Length
	for {
		if n, _ := exchange.Buffered(ex.Body); n == 0 {
			if err := o.flush(send); err != nil {
				return err
			}
		}
		n, err := ex.Body.Read(buf[:])
		if n > 0 {
			tail := ""
			if ex.Length < 0 {
				tail = "\r\n"
				o.grow()
				o.b = appendChunkSize(o.b, n)
			} else if left -= int64(n); left < 0 {
				return u.fault(fmt.Errorf("%w: the body is longer than the %d bytes announced", exchange.ErrClient, ex.Length))
			}
			if err := o.write(buf[:n], tail, send); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return u.fault(err)
		}
	}
	if left > 0 {
		return u.fault(fmt.Errorf("%w: %d of %d bytes of the body are missing", exchange.ErrClient, left, ex.Length))
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

func (u *upload) fault(err error) error {
	if !u.unasked.Load() {
		u.err = err
	}
	return err
}

// end waits for the goroutine after the answer ended with err, and makes it
// stop if it has not: then the endpoint did not want the rest of the body. It
// returns what is to be said of the exchange.
func (u *upload) end(err error) error {
	if !u.started {
		return err
	}
	select {
	case <-u.done:
	default:
		u.unasked.Store(true)
		u.f.ec.s.conn.Close()
		u.f.ex.Body.Close()
		<-u.done
	}
	if err != nil && u.err != nil {
		return u.err
	}
	return err
}

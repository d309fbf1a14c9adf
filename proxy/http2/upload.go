package http2

import (
	"fmt"
	"io"
	"sync/atomic"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// upload sends the body of a request in a separate goroutine, while the goroutine that
// called Do reads the answer.
type upload struct {
	f       *forward
	started bool
	done    chan struct{}
	unasked atomic.Bool // the body is not needed any more

	err error // error of the client; may be read once done is closed
}

// start starts sending, once.
func (u *upload) start() {
	if !u.started {
		u.started = true
		go u.run()
	}
}

// run starts the timer for the endpoint's answer when it is done: from then on
// Timeouts.Read applies.
func (u *upload) run() {
	defer close(u.done)
	_ = u.copy() // kept in err if it is of the client
	l, st := u.f.st.l, &u.f.st
	l.mu.Lock()
	defer l.mu.Unlock()
	u.f.sending = false
	if u.err != nil && st.broken == nil {
		_ = l.reset(st.id, codeCancel, u.err) // the endpoint must not treat the part as the whole body
	}
	l.flush()
	st.cond.Broadcast()
}

// copy reads the body and writes it. It returns only errors of the client: an endpoint
// that accepts no more may have answered, which the other goroutine handles.
func (u *upload) copy() error {
	f, ex, st := u.f, u.f.ex, &u.f.st
	if f.whole {
		if _, err := st.write(f.small, f.timeouts.Send); err != nil {
			return err
		}
		return u.finish(f.after)
	}
	buf := wire.TakeBuffer()
	defer wire.GiveBuffer(buf)
	left := ex.Length
	for parts := 0; ; {
		if n, whole := exchange.Buffered(ex.Body); n == 0 && !whole {
			st.l.mu.Lock()
			st.l.flush()
			st.l.mu.Unlock()
		}
		n, err := ex.Body.Read(buf[:])
		if n > 0 {
			if parts++; parts == 2 {
				f.takesTime()
			}
			if left -= int64(n); ex.Length >= 0 && left < 0 {
				return u.fail(fmt.Errorf("%w: the body is longer than the %d bytes announced", exchange.ErrClient, ex.Length))
			}
			if _, err := st.write(buf[:n], f.timeouts.Send); err != nil {
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
	return u.finish(trailersOf(ex))
}

func (u *upload) finish(trailers exchange.Fields) error {
	st := &u.f.st
	st.l.mu.Lock()
	defer st.l.mu.Unlock()
	if err := st.sendable(); err != nil {
		return err
	}
	st.finish(trailers)
	return nil
}

func (u *upload) fail(err error) error {
	if !u.unasked.Load() {
		u.err = err
	}
	return err
}

// end waits for the goroutine after the answer ended with err, and stops it if it still
// runs, because the endpoint did not want the rest of the body. It returns the error of
// the exchange.
func (u *upload) end(err error) error {
	if !u.started {
		return err
	}
	select {
	case <-u.done:
	default:
		u.unasked.Store(true)
		_ = u.f.Close()
		u.f.ex.Body.Close()
		<-u.done
	}
	if err != nil && u.err != nil {
		return u.err
	}
	return err
}

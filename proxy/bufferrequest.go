package proxy

import (
	"errors"
	"fmt"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/quota"
	"gatelodge.dev/proxy/spool"
)

// bufferRequest waits for the whole body before the request is sent. So the endpoint
// learns its length, and another endpoint can be tried.
func bufferRequest(p *gatelodge.Policy) step {
	b := p.Buffering
	if b == nil || !b.Request {
		return nil
	}
	return func(r *request) *answer {
		x := r.x
		if x.Length == 0 || x.Upgrade != "" || isGRPC(x.Header) { // these clients may wait for an answer first
			return nil
		}
		if n, whole := exchange.Buffered(&r.body); whole && n == x.Length && n <= mostKept {
			return nil // the body has arrived, and is sent with the head
		}
		account := r.account()
		most := min(b.RequestMemory, account.Memory.Each) + account.Disk.Each
		if x.Length > most {
			return tooLargeToBuffer(x.Length, most)
		}
		whole := spool.New(account, b.RequestMemory)
		h := r.hold()
		h.request = whole
		h.expiry.watch(r.body.Body)
		err := whole.Fill(receiver{&r.body})
		h.expiry.watch(nil)
		if whole.InFile() {
			r.series().buffered("request", "file")
		}
		switch {
		case errors.Is(err, spool.ErrFull):
			return r.bufferFull(whole.Size(), most, err)
		case err != nil && errors.Is(x.Cancellation.Err(), exchange.ErrTimeout):
			return gatewayTimeout("timeout: the body did not come within the time that the request may take")
		case err != nil && x.Context.Err() != nil && !errors.Is(err, exchange.ErrTimeout) && !errors.Is(err, exchange.ErrTooLarge):
			return hungUp(err.Error())
		case err != nil:
			return failed(err)
		}
		if r.body.whole = whole; len(r.body.Trailers()) == 0 {
			x.Length = whole.Size()
		}
		x.ExpectsContinue = false // the client has been told to continue
		return nil
	}
}

// receiver reads the client's body without keeping a copy in the body itself.
type receiver struct{ *body }

func (r receiver) Read(p []byte) (int, error) { return r.receive(p) }

// account returns the limits for the bodies of the route's namespace.
func (r *request) account() spool.Account {
	b := &r.table.settings.Buffers
	each := func(all int64) quota.Bounds { return quota.Bounds{All: all, Each: int64(float64(all) * b.Share)} }
	return spool.Account{
		Store: &r.server.buffers, Namespace: r.route.source.Object.Namespace,
		Memory: each(b.Memory), Disk: each(b.Disk),
	}
}

func tooLargeToBuffer(size, most int64) *answer {
	a := contentTooLarge(fmt.Sprintf("proxy-request-buffering: a body of %d bytes, where the buffers have room for %d", size, most))
	a.limit = "proxy-request-buffering"
	return a
}

// bufferFull answers a request for whose body there is no room: 413 if it can never
// fit, otherwise 503.
func (r *request) bufferFull(size, most int64, err error) *answer {
	r.series().buffered("request", "full")
	if size >= most {
		return tooLargeToBuffer(size+1, most)
	}
	return tooBusy("proxy-request-buffering: "+err.Error(), "proxy-request-buffering")
}

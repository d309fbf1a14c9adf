package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"sync"

	"gatelodge.dev/proxy/exchange"
)

// Exchange sends the request to the endpoint and passes the answer on. It is
// an exchange.Handler; its error wraps exchange.ErrBackend or, where the
// client is at fault, exchange.ErrClient.
func (e *Endpoint) Exchange(x *exchange.Exchange) error {
	ctx, cancel := context.WithCancelCause(x.Context)
	defer cancel(nil)
	clock := &watchdog{timeout: e.settings().Timeouts.Read, cancel: cancel}
	defer clock.stop()

	body := newOutgoingBody(x, clock.kick)
	informs := &informer{response: x.Response, gate: body.gate}
	request := e.newRequest(httptrace.WithClientTrace(ctx, informs.trace()), x, body)

	clock.start()
	answer, err := e.transport.RoundTrip(request)
	clock.stop()
	informs.stop()
	if err != nil {
		if bodyErr := body.leave(); bodyErr != nil {
			return bodyErr
		}
		return backendError(ctx, x, "request", err)
	}
	defer answer.Body.Close() // read to its end, or of no more use
	if body.gate != nil {
		body.gate.answered(answer.StatusCode)
	}
	err = e.relay(ctx, x, answer, clock)
	if bodyErr := body.leave(); bodyErr != nil && err != nil {
		return bodyErr // that is why the endpoint did not go on
	}
	return err
}

// relay passes an answer on as it comes: when the endpoint has nothing more at
// once, what it sent so far is on its way to the client.
func (e *Endpoint) relay(ctx context.Context, x *exchange.Exchange, answer *http.Response, clock *watchdog) error {
	length := contentLength(answer, x.Method)
	header := appendFields(make(exchange.Fields, 0, len(answer.Header)+1), answer.Header)
	for name := range answer.Trailer { // net/http took the field that announces them away
		header.Add("trailer", textproto.CanonicalMIMEHeaderKey(name))
	}
	if err := x.Response.Head(answer.StatusCode, header, length); err != nil {
		return err
	}
	if length < 0 {
		if err := x.Response.Flush(); err != nil {
			return err
		}
	}
	buffer := e.buffers.get()
	defer e.buffers.put(buffer)
	for left := length; ; {
		clock.start()
		n, err := answer.Body.Read(buffer[:])
		clock.stop()
		left -= int64(n)
		if n > 0 {
			if _, err := x.Response.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return backendError(ctx, x, "answer", err)
		}
		if n < len(buffer) && left != 0 {
			if err := x.Response.Flush(); err != nil {
				return err
			}
		}
	}
	if len(answer.Trailer) == 0 {
		return nil
	}
	return x.Response.Trailers(appendFields(nil, answer.Trailer))
}

// contentLength is the length that Head is told: where there is no body, what
// the Content-Length field says, which net/http keeps in two places.
func contentLength(answer *http.Response, method string) int64 {
	if method != http.MethodHead && answer.StatusCode != http.StatusNotModified {
		return answer.ContentLength
	}
	n, err := strconv.ParseInt(answer.Header.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// backendError says who is to blame for an error of the transport, and what
// may be done about it.
func backendError(ctx context.Context, x *exchange.Exchange, doing string, err error) error {
	var dial *dialError
	switch cause := context.Cause(ctx); {
	case x.Context.Err() != nil:
		return fmt.Errorf("%w: went away: %w", exchange.ErrClient, x.Context.Err())
	case errors.Is(cause, exchange.ErrTimeout):
		return fmt.Errorf("%w: %s: %w", exchange.ErrBackend, doing, cause)
	case errors.As(err, &dial):
		return fmt.Errorf("%w: %w", exchange.ErrBackend, dial)
	case isTimeout(err):
		return fmt.Errorf("%w: %s: %w: %w", exchange.ErrBackend, doing, exchange.ErrTimeout, err)
	}
	return fmt.Errorf("%w: %s: %w", exchange.ErrBackend, doing, err)
}

// informer passes interim responses on, from a goroutine of net/http that may
// be late.
type informer struct {
	mu       sync.Mutex
	response exchange.Response // nil when it is too late
	gate     *gate             // nil for a client that does not wait to be asked
}

func (i *informer) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		i.mu.Lock()
		defer i.mu.Unlock()
		switch {
		case i.response == nil:
			return nil
		case code == http.StatusContinue:
			if i.gate != nil {
				i.gate.pass() // the body is read then, and that asks the client
			}
			return nil
		}
		return i.response.Inform(code, appendFields(nil, http.Header(header)))
	}}
}

func (i *informer) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.response = nil
}

package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// response is what a client is answered.
type response struct {
	x       *exchange.Exchange
	writer  http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	timer   *time.Timer // of a Write
	leaving *atomic.Bool

	status   int
	length   int64
	bodiless bool // there is no body by definition
}

// Inform sends an interim response.
func (r *response) Inform(status int, header exchange.Fields) error {
	if status == http.StatusContinue && !r.x.Waits {
		return nil
	}
	// The final response starts from nothing: only these fields are in the map
	// while WriteHeader reads it.
	h := r.writer.Header()
	addHeader(h, header)
	r.enter()
	r.writer.WriteHeader(status)
	r.exit()
	clear(h)
	return nil
}

// Head gives the final status and fields.
func (r *response) Head(status int, header exchange.Fields, length int64) error {
	r.status, r.length = status, length
	r.bodiless = r.x.Method == http.MethodHead || status == http.StatusNoContent || status == http.StatusNotModified
	h := r.writer.Header()
	addHeader(h, header)
	if length >= 0 && status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	if !header.Has("content-type") {
		h["Content-Type"] = nil // or net/http guesses one
	}
	// After a 421 the client is to come on another connection (RFC 9110
	// §15.5.20), which not every one does by itself.
	if status == http.StatusMisdirectedRequest || r.leaving.Load() {
		// net/http makes this a GOAWAY.
		h["Connection"] = []string{"close"}
	}
	r.enter()
	r.writer.WriteHeader(status)
	r.exit()
	return nil
}

// Write gives a part of the body.
func (r *response) Write(p []byte) (int, error) {
	if r.bodiless {
		return len(p), nil
	}
	r.enter()
	n, err := r.writer.Write(p)
	r.exit()
	r.x.Sent += int64(n)
	if err != nil {
		return n, clientError("write", err)
	}
	return n, nil
}

// Flush sends what was held back.
func (r *response) Flush() error {
	r.enter()
	err := r.control.Flush()
	r.exit()
	if err != nil {
		return clientError("write", err)
	}
	return nil
}

// Trailers gives fields to send after the body, announced or not.
func (r *response) Trailers(trailers exchange.Fields) error {
	h := r.writer.Header()
	for _, f := range trailers {
		h.Add(http.TrailerPrefix+http.CanonicalHeaderKey(f.Name), strings.Clone(f.Value))
	}
	return nil
}

// Tunnel fails: net/http takes no extended CONNECT, so no exchange has an
// Upgrade.
func (r *response) Tunnel(string, exchange.Fields) (exchange.Tunnel, error) {
	return nil, clientError("upgrade", errors.ErrUnsupported)
}

// enter starts the clock for one write. net/http's own deadline would end the
// stream even where nobody writes, so it is only set when time is over.
func (r *response) enter() {
	switch {
	case r.timeout <= 0:
	case r.timer == nil:
		control := r.control
		r.timer = time.AfterFunc(r.timeout, func() { _ = control.SetWriteDeadline(past) })
	default:
		r.timer.Reset(r.timeout)
	}
}

// exit stops the clock.
func (r *response) exit() {
	if r.timer != nil {
		r.timer.Stop()
	}
}

// short tells whether less was written than Head announced.
func (r *response) short() bool {
	return !r.bodiless && r.status != 0 && r.length > r.x.Sent
}

// clientError makes an error of the client's connection the exchange's.
func clientError(doing string, err error) error {
	if isTimeout(err) {
		return fmt.Errorf("%w: %s: %w: %w", exchange.ErrClient, doing, exchange.ErrTimeout, err)
	}
	return fmt.Errorf("%w: %s: %w", exchange.ErrClient, doing, err)
}

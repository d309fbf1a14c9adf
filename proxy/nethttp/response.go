package nethttp

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// response is what a client is answered.
type response struct {
	x       *exchange.Exchange
	writer  http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	timer   *time.Timer // of a Write on HTTP/2

	status   int
	length   int64
	bodiless bool // there is no body by definition
	hijacked bool
}

// Inform sends an interim response.
func (r *response) Inform(status int, header exchange.Fields) error {
	if r.x.Version == exchange.HTTP10 || status == http.StatusContinue && !r.x.Waits {
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
	trailers := r.x.Version == exchange.HTTP11 && header.Has("trailer") && !r.bodiless
	if length >= 0 && status != http.StatusNoContent && !trailers { // HTTP/1.1 has trailers behind chunks only
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	if !header.Has("content-type") {
		h["Content-Type"] = nil // or net/http guesses one
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
		h.Add(http.TrailerPrefix+http.CanonicalHeaderKey(f.Name), f.Value)
	}
	return nil
}

// Tunnel sends 101 and hands the connection over.
func (r *response) Tunnel(protocol string, header exchange.Fields) (exchange.Tunnel, error) {
	conn, buffered, err := r.control.Hijack()
	if err != nil {
		return nil, clientError("upgrade", err)
	}
	r.hijacked, r.status = true, http.StatusSwitchingProtocols
	t := &tunnel{x: r.x, conn: conn, buffered: buffered.Reader, timeout: r.timeout}
	_ = conn.SetDeadline(time.Time{}) // fails only where the connection is gone, which the write below tells

	var head strings.Builder
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + protocol + "\r\n")
	for _, f := range header {
		head.WriteString(http.CanonicalHeaderKey(f.Name) + ": " + f.Value + "\r\n")
	}
	head.WriteString("\r\n")
	if err := t.write([]byte(head.String())); err != nil {
		_ = t.Close() // the error that matters is the one of the write
		return nil, err
	}
	return t, nil
}

// enter starts the clock for one write. On HTTP/2 net/http's own deadline ends
// the stream even where nobody writes, so it is only set when time is over.
func (r *response) enter() {
	switch {
	case r.timeout <= 0:
	case r.x.Version != exchange.HTTP2:
		_ = r.control.SetWriteDeadline(deadline(r.timeout)) // fails only where the connection is gone
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

// leave bounds the time in which net/http sends what it has buffered.
func (r *response) leave() {
	if r.x.Version != exchange.HTTP2 {
		_ = r.control.SetWriteDeadline(deadline(r.timeout)) // fails only where the connection is gone
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

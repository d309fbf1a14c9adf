package http1

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// refuse answers a request whose head is invalid. The connection has to end after
// that, because the start of the next request is not known.
func (c *conn) refuse(r *request, err error) {
	status := 0
	if bad := (*wire.Malformed)(nil); errors.As(err, &bad) {
		status = bad.Status
	} else if errors.Is(err, os.ErrDeadlineExceeded) && len(r.raw) > 0 {
		status = 408
	} else {
		return // the client is gone
	}
	err = wire.Blame(exchange.ErrClient, "reading a request", err)
	if c.server.Refused != nil {
		c.server.Refused(c.info, status, err)
	}
	text := fmt.Sprintf("%d %s\n", status, wire.Reason(status))
	r.ex.Method, r.ex.Version = "", exchange.HTTP11
	r.response.close = true
	r.response.Head(status, exchange.Fields{{Name: "content-type", Value: "text/plain; charset=utf-8"}}, int64(len(text)))
	r.response.Write([]byte(text))
	if r.response.finish() {
		c.bc.linger()
	}
}

// isHTTP2 reports whether the connection starts with the preface of HTTP/2, which
// is a malformed request of HTTP/1.1 by design.
func (c *conn) isHTTP2(r *request) bool {
	return !c.served && c.info.TLS == nil && bytes.Equal(r.raw, []byte("PRI * HTTP/2.0\r\n\r\n"))
}

func (c *conn) handOver(r *request) {
	read := bytes.Clone(r.raw)
	if c.bc.buffered() > 0 {
		read = append(read, c.bc.take(wire.BufferSize)...)
	}
	c.bc.release()
	c.phase.Store(hijacked) // it is for the other engine to end
	if c.bc.armRead(0) == nil && c.bc.out.arm(0) == nil {
		c.server.HTTP2(c.ctx, c.bc.conn, c.info, read)
	}
}

package proxy

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// answer is a response that the gateway generates itself.
type answer struct {
	status int
	reason string          // for the access log
	text   string          // for the client
	fields exchange.Fields // in addition to Content-Type
	limit  string          // annotation whose limit was exceeded, for the metric; "": none

	exact       bool   // text is the whole body
	contentType string // media type of text; "": text/plain
}

func badRequest(why string) *answer {
	return &answer{status: 400, reason: why, text: "Bad Request: " + why}
}

func forbidden(why string) *answer {
	return &answer{status: 403, reason: why, text: "Forbidden"}
}

func notFound(why string) *answer {
	return &answer{status: 404, reason: why, text: "Not Found"}
}

func misdirectedRequest(why string) *answer {
	return &answer{status: 421, reason: why, text: "Misdirected Request"}
}

func unavailable(why string) *answer {
	return &answer{status: 503, reason: why, text: "Service Unavailable"}
}

func tooManyRequests(why string, wait time.Duration) *answer {
	return &answer{status: 429, reason: why, text: "Too Many Requests", fields: retryAfter(wait)}
}

// retryAfter asks the client to wait, for at least one second (RFC 9110 §10.2.3).
func retryAfter(wait time.Duration) exchange.Fields {
	seconds := (max(wait, time.Second) + time.Second - 1) / time.Second
	return exchange.Fields{{Name: "retry-after", Value: strconv.FormatInt(int64(seconds), 10)}}
}

func gatewayTimeout(why string) *answer {
	return &answer{status: 504, reason: why, text: "Gateway Timeout"}
}

// hungUp is the answer for a client that closed the connection: nothing is sent.
func hungUp(why string) *answer {
	return &answer{status: statusGone, reason: why}
}

func contentTooLarge(why string) *answer {
	return &answer{status: 413, reason: why, text: "Content Too Large", limit: "proxy-body-size"}
}

// conclude answers a request whose forwarding failed before a response was begun,
// unless the client is gone. Its error aborts the response.
func (r *request) conclude(err error) error {
	if err == nil {
		return nil
	}
	r.reason = err.Error()
	if other, ok := errors.AsType[*notPassedOn](err); ok {
		return r.answer(&answer{status: other.status, reason: r.reason, text: wire.Reason(other.status)})
	}
	timeout, tooLarge := errors.Is(err, exchange.ErrTimeout), errors.Is(err, exchange.ErrTooLarge)
	// If the context has ended, the client is gone, except after a timeout or a
	// body that was too large: then it may still be reading.
	if r.response.begun() || r.x.Context.Err() != nil && !timeout && !tooLarge {
		return err
	}
	return r.answer(failed(err))
}

// failed returns the answer to a request that failed with err.
func failed(err error) *answer {
	timeout, tooLarge := errors.Is(err, exchange.ErrTimeout), errors.Is(err, exchange.ErrTooLarge)
	a := &answer{status: 502, text: "Bad Gateway"}
	switch client := errors.Is(err, exchange.ErrClient); {
	case client && tooLarge:
		a = contentTooLarge("")
	case client && timeout:
		a.status, a.text = 408, "Request Timeout"
	case client:
		a.status, a.text = 400, "Bad Request"
	case timeout:
		a.status, a.text = 504, "Gateway Timeout"
	}
	a.reason = err.Error()
	return a
}

// answer sends a response of the gateway's own. A gRPC client gets a gRPC status,
// the only kind of error that it understands.
func (r *request) answer(a *answer) error {
	r.reason, r.response.session = a.reason, "" // no endpoint has accepted the session
	r.response.ours = true
	if a.limit != "" {
		r.series().limited(a.limit)
	}
	if a.status == statusGone {
		return exchange.ErrClient
	}
	if sent, err := r.errorPage(a); sent {
		return err
	}
	if isGRPC(r.x.Header) && a.status >= 400 {
		return r.answerGRPC(a)
	}
	if a.status == 204 {
		return r.x.Response.Head(204, a.fields, 0)
	}
	text := a.text
	if !a.exact {
		text += "\n"
	}
	fields := make(exchange.Fields, 0, len(a.fields)+1)
	fields = append(append(fields, exchange.Field{Name: "content-type", Value: cmp.Or(a.contentType, "text/plain; charset=utf-8")}), a.fields...)
	if err := r.x.Response.Head(a.status, fields, int64(len(text))); err != nil {
		return err
	}
	_, err := r.x.Response.Write([]byte(text))
	return err
}

// answerGRPC sends a gRPC status without a message: "Trailers-Only" in the gRPC
// protocol over HTTP/2.
func (r *request) answerGRPC(a *answer) error {
	fields := make(exchange.Fields, 0, len(a.fields)+3)
	fields.Add("content-type", "application/grpc")
	fields.Add("grpc-status", strconv.Itoa(grpcStatus(a.status)))
	fields.Add("grpc-message", a.text)
	return r.x.Response.Head(200, append(fields, a.fields...), 0)
}

// isGRPC reports whether a request is a gRPC call, in any encoding.
func isGRPC(header exchange.Fields) bool {
	kind := header.Get("content-type")
	return kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+") || strings.HasPrefix(kind, "application/grpc;")
}

// grpcStatus returns the gRPC status for an HTTP status, as in gRPC's "HTTP to gRPC
// Status Code Mapping".
func grpcStatus(status int) int {
	switch status {
	case 400:
		return 13 // INTERNAL
	case 401:
		return 16 // UNAUTHENTICATED
	case 403:
		return 7 // PERMISSION_DENIED
	case 404:
		return 12 // UNIMPLEMENTED
	case 429, 502, 503, 504:
		return 14 // UNAVAILABLE
	}
	return 2 // UNKNOWN
}

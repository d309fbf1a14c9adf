package tracing

import (
	"cmp"
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"gatelodge.dev/proxy/exchange"
)

// propagator reads and writes the fields traceparent and tracestate.
var propagator propagation.TraceContext

// Span is a request's part of a trace. Without a span, only the trace context is passed
// on.
type Span struct {
	tracer  trace.Tracer // nil: there is no span
	span    trace.Span
	context context.Context
	parent  string // instead of context, of a trace without spans; "": context has it
}

// Inject sets the trace fields for a service.
func (s *Span) Inject(fields *exchange.Fields) {
	if s.parent != "" {
		fields.Set("traceparent", s.parent)
		fields.Del("tracestate")
		return
	}
	inject(s.context, fields)
}

// extract returns the context in the fields. It is separate from Begin because what
// OpenTelemetry gets from it escapes to the heap.
func extract(fields exchange.Fields) context.Context {
	return propagator.Extract(context.Background(), carrier{&fields})
}

func inject(ctx context.Context, fields *exchange.Fields) {
	fields.Del("tracestate") // Inject does not change it if the trace has none
	propagator.Inject(ctx, carrier{fields})
}

// Request contains the attributes of the span for the client's request, in the terms of
// OpenTelemetry's semantic conventions for HTTP.
type Request struct {
	Name           string // of the span; "": method and route
	Method         string
	Scheme, Host   string
	Path           string // without the query, which often contains secrets
	Route          string // its path; "": there is none
	Protocol       string // 1.1 or 2
	Client         string // address
	UserAgent      string
	Namespace      string // of the Ingress
	Ingress        string
	Service        string
	RequestID      string
	Status         int
	Received, Sent int64  // octets of the bodies
	Reason         string // why the gateway itself answered; "": it did not
	TLS            string // version
}

// End ends the span of a request.
func (s *Span) End(r *Request) {
	if s.span == nil {
		return
	}
	method, original := knownMethod(r.Method)
	s.span.SetName(cmp.Or(r.Name, strings.TrimSpace(strings.Replace(method, "_OTHER", "HTTP", 1)+" "+r.Route)))
	attributes := []attribute.KeyValue{
		text("http.request.method", method),
		text("url.scheme", r.Scheme),
		text("url.path", r.Path),
		text("server.address", r.Host),
		text("network.protocol.version", strings.TrimPrefix(r.Protocol, "HTTP/")),
		text("client.address", r.Client),
		attribute.Int("http.response.status_code", r.Status),
		attribute.Int64("http.request.body.size", r.Received),
		attribute.Int64("http.response.body.size", r.Sent),
		text("gatelodge.request.id", r.RequestID),
	}
	for key, value := range map[attribute.Key]string{
		"http.request.method_original": original, "http.route": r.Route, "user_agent.original": r.UserAgent, "tls.protocol.version": r.TLS,
		"k8s.namespace.name": r.Namespace, "gatelodge.ingress": r.Ingress, "gatelodge.service": r.Service, "gatelodge.reason": r.Reason,
	} {
		if value != "" {
			attributes = append(attributes, text(key, value))
		}
	}
	if r.Status >= 500 {
		attributes = append(attributes, attribute.String("error.type", strconv.Itoa(r.Status)))
		s.span.SetStatus(codes.Error, r.Reason)
	}
	s.span.SetAttributes(attributes...)
	s.span.End()
}

// Try is the span of one try to send the request to an endpoint.
type Try struct{ span trace.Span }

// Try starts the span of the nth try, and sets the trace fields for the endpoint.
func (s *Span) Try(fields *exchange.Fields, method, address string, n int, began time.Time) Try {
	if s.tracer == nil {
		s.Inject(fields)
		return Try{}
	}
	method, _ = knownMethod(method)
	attributes := []attribute.KeyValue{text("http.request.method", method)}
	if host, port, err := net.SplitHostPort(address); err == nil {
		number, _ := strconv.Atoi(port) // the address of an endpoint has a number
		attributes = append(attributes, attribute.String("server.address", host), attribute.Int("server.port", number))
	}
	if n > 1 {
		attributes = append(attributes, attribute.Int("http.request.resend_count", n-1))
	}
	ctx, span := s.tracer.Start(s.context, strings.Clone(method), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began), trace.WithAttributes(attributes...))
	inject(ctx, fields)
	return Try{span}
}

// End ends the span of a try with its result: the status of the answer, 0 for none, or
// an error.
func (t Try) End(status int, err error) {
	if t.span == nil {
		return
	}
	if status != 0 {
		t.span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	switch {
	case err != nil:
		t.span.SetStatus(codes.Error, err.Error())
	case status >= 400:
		t.span.SetAttributes(attribute.String("error.type", strconv.Itoa(status)))
		t.span.SetStatus(codes.Error, "")
	}
	t.span.End()
}

// text returns an attribute with its own copy of the text, because the engines reuse
// the memory of requests.
func text(key attribute.Key, value string) attribute.KeyValue {
	return key.String(strings.Clone(value))
}

// knownMethod returns a method for a span; unknown ones could be any text.
func knownMethod(method string) (name, original string) {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return method, ""
	}
	return "_OTHER", method
}

// carrier lets OpenTelemetry read and write fields.
type carrier struct{ fields *exchange.Fields }

func (c carrier) Get(key string) string { return strings.Clone(c.fields.Get(key)) }
func (c carrier) Set(key, value string) { c.fields.Set(key, value) }
func (c carrier) Keys() []string        { return []string{"traceparent", "tracestate"} }

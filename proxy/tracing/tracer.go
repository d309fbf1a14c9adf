package tracing

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// Tracer traces requests according to the settings.
type Tracer struct {
	settings gatelodge.Tracing
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Traces reports whether the tracer has these settings. A nil Tracer traces nothing.
func (t *Tracer) Traces(settings gatelodge.Tracing) bool {
	if t == nil {
		return settings.Collector == ""
	}
	return t.settings == settings
}

// Begin starts the trace of a request, which began at the given time. If the client is
// trusted, the trace in its fields continues, and they decide whether there are spans;
// otherwise the sampling share of the settings decides.
func (t *Tracer) Begin(fields exchange.Fields, trusted bool, name string, began time.Time) *Span {
	ctx := context.Background()
	if trusted && fields.Has("traceparent") {
		ctx = extract(fields)
	}
	parent := trace.SpanContextFromContext(ctx)
	switch {
	case parent.IsValid() && !parent.IsSampled():
		return &Span{context: ctx}
	case !parent.IsValid() && rand.Float64() >= t.settings.Sample:
		return &Span{parent: unsampled()}
	}
	s := &Span{tracer: t.tracer}
	s.context, s.span = t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(began))
	return s
}

// unsampled returns the traceparent of a new trace without spans, so that the following
// services do not decide otherwise (W3C Trace Context, section 3.2). Most requests have
// one, so it is written without OpenTelemetry.
func unsampled() string {
	var ids [24]byte
	for i := range 3 {
		binary.BigEndian.PutUint64(ids[8*i:], rand.Uint64())
	}
	ids[0], ids[16] = ids[0]|1, ids[16]|1 // zero is no ID
	parent := append(make([]byte, 0, 55), "00-"...)
	parent = append(hex.AppendEncode(parent, ids[:16]), '-')
	parent = append(hex.AppendEncode(parent, ids[16:]), "-00"...)
	return string(parent)
}

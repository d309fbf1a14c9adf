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

// Tracer traces requests, as settings say.
type Tracer struct {
	settings gatelodge.Tracing
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// Traces reports whether it does what the settings say. A nil Tracer traces nothing.
func (t *Tracer) Traces(settings gatelodge.Tracing) bool {
	if t == nil {
		return settings.Collector == ""
	}
	return t.settings == settings
}

// Begin begins the trace of a request, or continues that which its fields name if
// the client is trusted with it: then it also says whether there are spans, and
// otherwise the share of the settings does. The request began at the time given.
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

// unsampled returns the traceparent of a trace that begins here and has no spans, so
// that services behind us do not decide otherwise (W3C Trace Context, section 3.2).
// Most requests have one, so it is written without OpenTelemetry.
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

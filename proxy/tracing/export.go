package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	gatelodge "gatelodge.dev"
)

// Sender sends the spans of tracers to their collectors.
type Sender struct {
	instance string // service.instance.id
	log      *slog.Logger
	spans    *prometheus.CounterVec // by result
}

// The limits of the queue. What does not fit is dropped.
const (
	mostWaiting   = 4096 // spans
	longestValue  = 1024 // octets of an attribute; clients write most of these
	sendEvery     = 2 * time.Second
	longestSend   = 10 * time.Second
	longestRetry  = 30 * time.Second // of sending the same spans
	longestEnding = 5 * time.Second
)

// NewSender returns a Sender for the spans of this replica.
func NewSender(instance string, registerer prometheus.Registerer, log *slog.Logger) *Sender {
	s := &Sender{instance: instance, log: log, spans: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatelodge_trace_spans_total",
		Help: "Spans by result: ended, and of these sent to the collector or failed; the rest is queued, or was dropped because the queue was full.",
	}, []string{"result"})}
	registerer.MustRegister(s.spans)
	for _, result := range []string{"ended", "sent", "failed"} {
		s.spans.WithLabelValues(result)
	}
	return s
}

// Open returns the tracer for the settings, nil for none. OTEL_EXPORTER_OTLP_
// environment variables, such as HEADERS, apply to everything that is not in the
// settings.
func (s *Sender) Open(settings gatelodge.Tracing) (*Tracer, error) {
	if settings.Collector == "" {
		return nil, nil
	}
	client, err := otlptracehttp.New(context.Background(),
		otlptracehttp.WithEndpointURL(strings.TrimSuffix(settings.Collector, "/")+"/v1/traces"),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithTimeout(longestSend),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: longestSend, MaxElapsedTime: longestRetry}))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	limits := sdk.NewSpanLimits()
	limits.AttributeValueLengthLimit = longestValue
	provider := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.AlwaysSample()), // Begin has decided
		sdk.WithRawSpanLimits(limits),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", settings.Service), attribute.String("service.instance.id", s.instance))),
		sdk.WithSpanProcessor(counter{s.spans.WithLabelValues("ended")}),
		sdk.WithBatcher(&export{SpanExporter: client, sender: s, to: settings.Collector},
			sdk.WithMaxQueueSize(mostWaiting), sdk.WithBatchTimeout(sendEvery), sdk.WithExportTimeout(longestRetry)))
	return &Tracer{settings: settings, provider: provider, tracer: provider.Tracer("gatelodge.dev/proxy")}, nil
}

// Close sends the queued spans, within some seconds. The tracer may be nil.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), longestEnding)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // spans that were not sent are counted
}

// export counts the spans that are sent, and logs once when sending fails, and when it
// works again.
type export struct {
	sdk.SpanExporter
	sender  *Sender
	to      string
	failing atomic.Bool
}

func (e *export) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	result := "sent"
	if err != nil {
		result = "failed"
	}
	e.sender.spans.WithLabelValues(result).Add(float64(len(spans)))
	switch failed := err != nil; {
	case e.failing.Swap(failed) == failed:
	case failed:
		e.sender.log.Warn("spans can't be sent", "collector", e.to, "error", err)
	default:
		e.sender.log.Info("spans are sent again", "collector", e.to)
	}
	return nil // otherwise it would be written to the standard error stream
}

// counter counts the spans that end.
type counter struct{ prometheus.Counter }

func (c counter) OnStart(context.Context, sdk.ReadWriteSpan) {}
func (c counter) OnEnd(sdk.ReadOnlySpan)                     { c.Inc() }
func (c counter) Shutdown(context.Context) error             { return nil }
func (c counter) ForceFlush(context.Context) error           { return nil }

// Package tracing makes the spans of requests, by OpenTelemetry, and sends them to a
// collector.
//
//	tracer.go  of which requests there are spans
//	span.go    what they say
//	export.go  where they go
//
// It knows the context that requests carry (W3C Trace Context), and nothing of routes
// and policies.
package tracing

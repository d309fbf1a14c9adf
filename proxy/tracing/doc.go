// Package tracing creates the OpenTelemetry spans of requests, and sends them to a
// collector.
//
//	tracer.go  of which requests there are spans
//	span.go    what they say
//	export.go  where they go
//
// It uses the trace context of requests (W3C Trace Context), and does not depend on
// routes and policies.
package tracing

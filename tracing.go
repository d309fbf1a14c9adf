package gatelodge

import "fmt"

// Tracing says which requests have OpenTelemetry spans, and where the spans are sent.
type Tracing struct {
	Collector string  // base URL of an OTLP/HTTP receiver; "": tracing is off
	Service   string  // the service.name of the spans
	Sample    float64 // share of requests that are traced unless the client decides, 0 to 1
}

// TraceRules are a route's tracing options. In a Policy, nil means the defaults.
type TraceRules struct {
	Off   bool   // no spans; the client's trace context passes through unchanged
	Trust bool   // accept the trace context of every client, not only of peers in Trust.Forwarded
	Name  string // span name; "": the request's method and the route's path
}

// String returns the options as part of the Snapshot's text.
func (t *TraceRules) String() string {
	if t.Off {
		return " trace=off"
	}
	text := ""
	if t.Trust {
		text = " trace=trusted"
	}
	if t.Name != "" {
		text += fmt.Sprintf(" trace-name=%q", t.Name)
	}
	return text
}

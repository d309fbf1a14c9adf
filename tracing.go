package gatelodge

import "fmt"

// Tracing says of which requests there are spans (OpenTelemetry), and where they go.
type Tracing struct {
	Collector string  // base URL of a receiver of OTLP over HTTP; "": there are no spans
	Service   string  // their service.name
	Sample    float64 // the share of requests that are traced, from 0 to 1, where the client does not decide it
}

// TraceRules are what a route says of its traces; nil in a Policy where it says nothing.
type TraceRules struct {
	Off   bool   // its requests have no spans, and what the client says of its trace passes through
	Trust bool   // every client says to which trace its requests belong, not only those of Trust.Forwarded
	Name  string // of the spans; "": method and path of the route
}

// String is its part of a Snapshot's text.
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

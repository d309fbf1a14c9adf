package gatelodge

// Traffic counts the attempts to send requests to the endpoints of a Service, since
// this process first had the Service as a backend.
type Traffic struct {
	Namespace, Service string
	Requests           float64 // attempts
	Retries            float64 // attempts other than a request's first
	Failures           float64 // attempts that got no response
	Took               []Took  // cumulative histogram of the durations, by upper bound
}

// Took is one bucket of a cumulative histogram: the attempts that took at most a given time.
type Took struct {
	Seconds float64
	Tries   float64 // includes the attempts counted in smaller buckets
}

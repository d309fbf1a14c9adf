package gatelodge

// Traffic is what became of the tries of requests at the endpoints of a Service,
// counted since the process has the Service as a backend.
type Traffic struct {
	Namespace, Service string
	Requests           float64 // tries
	Retries            float64 // of the tries, those that were not a request's first
	Failures           float64 // tries that got no response
	Took               []Took  // of the tries, by the upper bound
}

// Took is how many tries took no longer than a time.
type Took struct {
	Seconds float64
	Tries   float64 // also those within a smaller bound
}

package proxy

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	gatelodge "gatelodge.dev"
)

// Traffic returns the counts of all Services that are backends, in no order.
func (s *Server) Traffic() []gatelodge.Traffic {
	m := s.metrics
	m.mu.Lock() // only while they are listed, because compiling waits for it
	all := make([]*upstreamSeries, 0, len(m.upstreams))
	for _, u := range m.upstreams {
		all = append(all, u)
	}
	m.mu.Unlock()
	traffic := make([]gatelodge.Traffic, len(all))
	for i, u := range all {
		traffic[i] = u.traffic()
	}
	return traffic
}

// traffic reads the values of the series.
func (s *upstreamSeries) traffic() gatelodge.Traffic {
	t := gatelodge.Traffic{Namespace: s.key.namespace, Service: s.key.service}
	for _, c := range []struct {
		counter prometheus.Counter
		to      *float64
	}{{s.requests, &t.Requests}, {s.retries, &t.Retries}, {s.failures, &t.Failures}} {
		*c.to = written(c.counter).GetCounter().GetValue()
	}
	h := written(s.duration).GetHistogram()
	t.Took = make([]gatelodge.Took, 0, len(h.GetBucket())+1)
	for _, bucket := range h.GetBucket() {
		t.Took = append(t.Took, gatelodge.Took{Seconds: bucket.GetUpperBound(), Tries: float64(bucket.GetCumulativeCount())})
	}
	t.Took = append(t.Took, gatelodge.Took{Seconds: math.Inf(1), Tries: float64(h.GetSampleCount())})
	return t
}

// written returns a metric in the form that contains its value. Metrics of this package
// can always be written.
func written(metric any) *dto.Metric {
	var out dto.Metric
	if m, ok := metric.(prometheus.Metric); ok {
		_ = m.Write(&out)
	}
	return &out
}

package proxy

import "github.com/prometheus/client_golang/prometheus"

// upstreamSeries are the series of the backends of one Service.
type upstreamSeries struct {
	requests, retries, failures prometheus.Counter
	duration                    prometheus.Observer
}

// upstreamSeries returns the series of key, the same as long as a table names
// them.
func (m *metrics) upstreamSeries(key upstreamKey) *upstreamSeries {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.upstreams[key]
	if s == nil {
		s = &upstreamSeries{
			requests: m.upstreamRequests.WithLabelValues(key.namespace, key.service),
			retries:  m.upstreamRetries.WithLabelValues(key.namespace, key.service),
			failures: m.upstreamFailures.WithLabelValues(key.namespace, key.service),
			duration: m.upstreamDuration.WithLabelValues(key.namespace, key.service),
		}
		m.upstreams[key] = s
	}
	return s
}

// sweep drops the series that t does not name, and counts its endpoints.
func (m *metrics) sweep(t *table) {
	m.mu.Lock()
	defer m.mu.Unlock()
	routes := make(map[*requestSeries]bool, len(m.routes))
	for _, h := range t.hosts {
		for _, r := range h.routes {
			routes[r.series] = true
		}
	}
	for key, s := range m.routes {
		if !routes[s] {
			m.drop(s)
			delete(m.routes, key)
		}
	}
	m.countEndpoints(t)
}

// countEndpoints sets the endpoints of each Service, whose ports are backends
// of their own, and drops the Services that have none left.
func (m *metrics) countEndpoints(t *table) {
	type count struct{ ready, draining int }
	counts := make(map[upstreamKey]count, len(t.backends))
	for _, b := range t.backends {
		key := upstreamKey{b.source.Namespace, b.source.Service}
		c := counts[key]
		for _, e := range b.source.Endpoints {
			if e.Draining {
				c.draining++
			} else {
				c.ready++
			}
		}
		counts[key] = c
	}
	for key, c := range counts {
		m.endpoints.WithLabelValues(key.namespace, key.service, "ready").Set(float64(c.ready))
		m.endpoints.WithLabelValues(key.namespace, key.service, "draining").Set(float64(c.draining))
	}
	for key := range m.upstreams {
		if _, named := counts[key]; named {
			continue
		}
		for _, vec := range []*prometheus.MetricVec{m.upstreamRequests.MetricVec, m.upstreamRetries.MetricVec, m.upstreamFailures.MetricVec, m.upstreamDuration.MetricVec} {
			vec.DeleteLabelValues(key.namespace, key.service)
		}
		m.endpoints.DeleteLabelValues(key.namespace, key.service, "ready")
		m.endpoints.DeleteLabelValues(key.namespace, key.service, "draining")
		delete(m.upstreams, key)
	}
}

package proxy

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
)

// upstreamSeries are the series of the backends of one Service.
type upstreamSeries struct {
	requests, retries, failures prometheus.Counter
	duration                    prometheus.Observer

	key     upstreamKey
	all     *metrics
	rare    sync.Mutex // held to count what most backends never have
	dropped bool       // guarded by rare

	backends, ready, draining int // in the live table; guarded by metrics.mu
}

// upstreamSeries returns the series of key, the same ones for as long as a table has
// them.
func (m *metrics) upstreamSeries(key upstreamKey) *upstreamSeries {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.upstreams[key]
	if s == nil {
		s = &upstreamSeries{
			key: key, all: m,
			requests: m.upstreamRequests.WithLabelValues(key.namespace, key.service),
			retries:  m.upstreamRetries.WithLabelValues(key.namespace, key.service),
			failures: m.upstreamFailures.WithLabelValues(key.namespace, key.service),
			duration: m.upstreamDuration.WithLabelValues(key.namespace, key.service),
		}
		m.upstreams[key] = s
	}
	return s
}

// session counts a session that starts, because the client has none or its session
// moves. The series is created then, because most backends have no sessions.
func (s *upstreamSeries) session(moves bool) {
	s.rare.Lock()
	defer s.rare.Unlock()
	client := "new"
	if moves {
		client = "moved"
	}
	if !s.dropped {
		s.all.sessions.WithLabelValues(s.key.namespace, s.key.service, client).Inc()
	}
}

// eject counts an ejection; most backends have none.
func (s *upstreamSeries) eject() {
	s.rare.Lock()
	defer s.rare.Unlock()
	if !s.dropped {
		s.all.ejections.WithLabelValues(s.key.namespace, s.key.service).Inc()
	}
}

// checked counts a health check.
func (s *upstreamSeries) checked(passed bool) {
	s.rare.Lock()
	defer s.rare.Unlock()
	result := "failed"
	if passed {
		result = "passed"
	}
	if !s.dropped {
		s.all.checks.WithLabelValues(s.key.namespace, s.key.service, result).Inc()
	}
}

// mirrored counts a copy of a request.
func (s *upstreamSeries) mirrored(result string) {
	s.rare.Lock()
	defer s.rare.Unlock()
	if !s.dropped {
		s.all.mirrored.WithLabelValues(s.key.namespace, s.key.service, result).Inc()
	}
}

// unhealthy counts an endpoint that starts to fail its checks, or passes them again.
func (s *upstreamSeries) unhealthy(failing bool) {
	s.rare.Lock()
	defer s.rare.Unlock()
	if s.dropped {
		return
	}
	if gauge := s.all.unhealthy.WithLabelValues(s.key.namespace, s.key.service); failing {
		gauge.Inc()
	} else {
		gauge.Dec()
	}
}

// drop removes the series that most backends never have.
func (s *upstreamSeries) drop() {
	s.rare.Lock()
	defer s.rare.Unlock()
	s.dropped = true
	s.all.unhealthy.DeleteLabelValues(s.key.namespace, s.key.service)
	s.all.checks.DeleteLabelValues(s.key.namespace, s.key.service, "passed")
	s.all.checks.DeleteLabelValues(s.key.namespace, s.key.service, "failed")
	for _, result := range []string{"answered", "failed", "dropped"} {
		s.all.mirrored.DeleteLabelValues(s.key.namespace, s.key.service, result)
	}
	s.all.ejections.DeleteLabelValues(s.key.namespace, s.key.service)
	for _, client := range []string{"new", "moved"} {
		s.all.sessions.DeleteLabelValues(s.key.namespace, s.key.service, client)
	}
}

// sweep drops the series that are no longer in the table, and counts the endpoints of
// the backends that changed.
func (m *metrics) sweep(c *changes) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range c.hosts {
		for _, series := range h.After.allSeries() {
			series.hosts++
		}
	}
	for _, h := range c.hosts {
		for _, series := range h.Before.allSeries() {
			if series.hosts--; series.hosts == 0 {
				m.drop(series)
				delete(m.routes, series.key)
			}
		}
	}
	touched := make(map[upstreamKey]*upstreamSeries)
	for _, b := range c.backends {
		for _, side := range []struct {
			*backend
			sign int
		}{{b.After, +1}, {b.Before, -1}} {
			if side.backend != nil {
				side.series.count(side.source, side.sign)
				touched[upstreamKey{side.source.Namespace, side.source.Service}] = side.series
			}
		}
	}
	for key, s := range touched {
		m.showEndpoints(key, s)
	}
}

// allSeries returns the series of a host's routes; a nil host has none.
func (h *host) allSeries() []*requestSeries {
	if h == nil {
		return nil
	}
	return h.series
}

// count adds a backend to its Service's series, or subtracts it if sign is -1. Each
// port of a Service is a backend.
func (s *upstreamSeries) count(b *gatelodge.Backend, sign int) {
	s.backends += sign
	for _, e := range b.Endpoints {
		if e.Draining {
			s.draining += sign
		} else {
			s.ready += sign
		}
	}
}

// showEndpoints sets the counts of a Service's endpoints, or drops its series if
// it has no backend left.
func (m *metrics) showEndpoints(key upstreamKey, s *upstreamSeries) {
	if s.backends > 0 {
		m.endpoints.WithLabelValues(key.namespace, key.service, "ready").Set(float64(s.ready))
		m.endpoints.WithLabelValues(key.namespace, key.service, "draining").Set(float64(s.draining))
		return
	}
	for _, vec := range []*prometheus.MetricVec{m.upstreamRequests.MetricVec, m.upstreamRetries.MetricVec, m.upstreamFailures.MetricVec, m.upstreamDuration.MetricVec} {
		vec.DeleteLabelValues(key.namespace, key.service)
	}
	s.drop()
	m.endpoints.DeleteLabelValues(key.namespace, key.service, "ready")
	m.endpoints.DeleteLabelValues(key.namespace, key.service, "draining")
	delete(m.upstreams, key)
}

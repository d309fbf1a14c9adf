package proxy

import (
	"crypto/tls"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the proxy's metrics. The series of a route or a backend are looked up
// when it is compiled, not for each request, and dropped when the table no longer has
// it.
type metrics struct {
	requests         *prometheus.CounterVec
	duration         *prometheus.HistogramVec
	limited          *prometheus.CounterVec
	canary           *prometheus.CounterVec
	compressed       *prometheus.CounterVec
	compressedBytes  *prometheus.CounterVec
	buffered         *prometheus.CounterVec
	connections      *prometheus.GaugeVec
	handshakes       *prometheus.CounterVec
	upstreamRequests *prometheus.CounterVec
	upstreamRetries  *prometheus.CounterVec
	upstreamFailures *prometheus.CounterVec
	upstreamDuration *prometheus.HistogramVec
	sessions         *prometheus.CounterVec
	ejections        *prometheus.CounterVec
	checks           *prometheus.CounterVec
	mirrored         *prometheus.CounterVec
	unhealthy        *prometheus.GaugeVec
	endpoints        *prometheus.GaugeVec
	logDropped       prometheus.Counter

	unrouted *requestSeries // of requests without a route

	mu        sync.Mutex // guards the maps; held by compile and published only
	routes    map[requestKey]*requestSeries
	upstreams map[upstreamKey]*upstreamSeries
}

// requestKey holds the labels of a route's series.
type requestKey struct{ namespace, ingress, service string }

// upstreamKey holds the labels of a backend's series.
type upstreamKey struct{ namespace, service string }

func newMetrics(to prometheus.Registerer) *metrics {
	request := []string{"namespace", "ingress", "service"}
	upstream := []string{"namespace", "service"}
	counter := func(name, help string, labels []string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "gatelodge", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels []string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "gatelodge", Name: name, Help: help}, labels)
	}
	seconds := func(name, help string, labels []string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "gatelodge", Name: name, Help: help,
			Buckets:                        prometheus.DefBuckets,
			NativeHistogramBucketFactor:    1.1,
			NativeHistogramMaxBucketNumber: 100,
		}, labels)
	}
	m := &metrics{
		requests:         counter("http_requests_total", "Requests by route, method and status.", append(request, "method", "code")),
		duration:         seconds("http_request_duration_seconds", "Time from the head of a request to the end of its response.", request),
		limited:          counter("http_limited_total", "Requests refused because a limit was exceeded, by the annotation that sets it.", append(request, "limit")),
		canary:           counter("http_canary_requests_total", "Requests that went to a canary, by what decided: header, cookie, weight or session.", append(request, "by")),
		compressed:       counter("http_compressed_total", "Compressed answers by coding; none counts those left uncompressed for lack of memory.", append(request, "coding")),
		compressedBytes:  counter("http_compressed_bytes_total", "Bytes of compressed answers, before and after compression.", append(request, "stage")),
		buffered:         counter("http_buffered_total", "Bodies that did not fit into memory, by result: file, or full if there was no room.", append(request, "body", "result")),
		connections:      gauge("http_open_connections", "Open connections of clients, including tunnels.", []string{"listener"}),
		handshakes:       counter("tls_handshakes_total", "TLS handshakes with clients by version and result: ok or failed.", []string{"version", "result"}),
		upstreamRequests: counter("upstream_requests_total", "Requests sent to endpoints, counting each try.", upstream),
		upstreamRetries:  counter("upstream_retries_total", "Retries: tries after the first.", upstream),
		upstreamFailures: counter("upstream_failures_total", "Tries that failed at an endpoint.", upstream),
		upstreamDuration: seconds("upstream_duration_seconds", "Time of one try, from its start to the end of the response.", upstream),
		sessions:         counter("upstream_sessions_total", "Sessions begun at an endpoint, for a client that is new, or moved from another endpoint.", append(upstream, "client")),
		ejections:        counter("upstream_ejections_total", "Endpoints that were ejected because their tries failed.", upstream),
		checks:           counter("upstream_checks_total", "Health checks of endpoints by result: passed or failed.", append(upstream, "result")),
		mirrored:         counter("mirror_requests_total", "Copies of requests by result: answered, failed, or dropped because of a bound.", append(upstream, "result")),
		unhealthy:        gauge("unhealthy_endpoints", "Endpoints that fail their health checks.", upstream),
		endpoints:        gauge("endpoints", "Endpoints by state: ready or draining.", append(upstream, "state")),
		logDropped: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "gatelodge", Name: "access_log_dropped_total",
			Help: "Lines dropped because the access log could not be written fast enough."}),
		routes:    make(map[requestKey]*requestSeries),
		upstreams: make(map[upstreamKey]*upstreamSeries),
	}
	to.MustRegister(m.requests, m.duration, m.limited, m.canary, m.compressed, m.compressedBytes, m.buffered, m.connections, m.handshakes, m.upstreamRequests, m.upstreamRetries,
		m.upstreamFailures, m.upstreamDuration, m.sessions, m.ejections, m.checks, m.mirrored, m.unhealthy, m.endpoints, m.logDropped)
	m.unrouted = m.newRequestSeries(requestKey{})
	return m
}

// handshake counts a TLS handshake. A failed one has no version yet.
func (m *metrics) handshake(version uint16, err error) {
	name, result := "none", "ok"
	if version != 0 {
		name = tls.VersionName(version)
	}
	if err != nil {
		result = "failed"
	}
	m.handshakes.WithLabelValues(name, result).Inc()
}

// requestSeries are the series of one route. They are created at its first request,
// because many routes have none for a long time, and a histogram is larger than
// everything else that a route needs.
type requestSeries struct {
	key   requestKey
	all   *metrics
	hosts int // hosts in the live table with a route of these series; guarded by metrics.mu

	mu      sync.Mutex // held to add to seen
	seen    atomic.Pointer[seenRequests]
	closed  bool                            // the series were dropped; guarded by mu
	limits  []string                        // that requests exceeded; guarded by mu
	codings []string                        // of compressed answers; guarded by mu
	canary  [canaryRules]prometheus.Counter // of a canary, by rule; guarded by mu
}

// seenRequests counts the requests so far.
type seenRequests struct {
	duration prometheus.Observer
	codes    []codeCounter
}

// codeCounter counts the requests of one method and status.
type codeCounter struct {
	method  string
	status  int
	counter prometheus.Counter
}

func (m *metrics) newRequestSeries(key requestKey) *requestSeries {
	s := &requestSeries{key: key, all: m}
	s.seen.Store(&seenRequests{})
	return s
}

// requestSeries returns the series of key, the same ones for as long as a table has
// them.
func (m *metrics) requestSeries(key requestKey) *requestSeries {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.routes[key]
	if s == nil {
		s = m.newRequestSeries(key)
		m.routes[key] = s
	}
	return s
}

// observe counts one request.
func (s *requestSeries) observe(method string, status int, took time.Duration) {
	method = knownMethod(method)
	seen := s.seen.Load()
	for _, c := range seen.codes {
		if c.status == status && c.method == method {
			c.counter.Inc()
			seen.duration.Observe(took.Seconds())
			return
		}
	}
	s.add(method, status, took)
}

// add counts the first request of a method and status. It copies the list, so that
// observe needs no lock. The list is short, because backends use few statuses.
func (s *requestSeries) add(method string, status int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return // the Ingress was deleted, and its series must not return
	}
	k := s.key
	counter := s.all.requests.WithLabelValues(k.namespace, k.ingress, k.service, method, strconv.Itoa(status))
	counter.Inc()
	codes := s.seen.Load().codes
	next := &seenRequests{
		duration: s.all.duration.WithLabelValues(k.namespace, k.ingress, k.service),
		codes:    append(codes[:len(codes):len(codes)], codeCounter{method, status, counter}),
	}
	next.duration.Observe(took.Seconds())
	s.seen.Store(next)
}

// limited counts a request that was refused because of a limit.
func (s *requestSeries) limited(limit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if !slices.Contains(s.limits, limit) {
		s.limits = append(s.limits, limit)
	}
	k := s.key
	s.all.limited.WithLabelValues(k.namespace, k.ingress, k.service, limit).Inc()
}

// toCanary counts a request that went to the canary of these series.
func (s *requestSeries) toCanary(by canaryRule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.canary[by] == nil {
		k := s.key
		s.canary[by] = s.all.canary.WithLabelValues(k.namespace, k.ingress, k.service, by.String())
	}
	s.canary[by].Inc()
}

// drop removes the series.
func (m *metrics) drop(s *requestSeries) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	k := s.key
	for _, c := range s.seen.Load().codes {
		m.requests.DeleteLabelValues(k.namespace, k.ingress, k.service, c.method, strconv.Itoa(c.status))
	}
	m.duration.DeleteLabelValues(k.namespace, k.ingress, k.service)
	for _, limit := range s.limits {
		m.limited.DeleteLabelValues(k.namespace, k.ingress, k.service, limit)
	}
	s.dropCompressed()
	m.buffered.DeletePartialMatch(prometheus.Labels{"namespace": k.namespace, "ingress": k.ingress, "service": k.service})
	for by := range s.canary {
		m.canary.DeleteLabelValues(k.namespace, k.ingress, k.service, canaryRule(by).String())
	}
}

// methods are the values of the method label, apart from OTHER.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}

// knownMethod limits the values of the method label. Its result may be kept after
// the request, unlike method.
func knownMethod(method string) string {
	for _, known := range methods {
		if method == known {
			return known
		}
	}
	return "OTHER"
}

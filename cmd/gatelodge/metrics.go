package main

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/guard"
)

// metrics describe the snapshot as a whole; each server has its own metrics.
type metrics struct {
	generation  prometheus.Gauge
	build       prometheus.Histogram
	lag         prometheus.Histogram
	problems    *prometheus.Desc
	certificate *prometheus.Desc
	flawed      *prometheus.Desc
	live        atomic.Pointer[gatelodge.Snapshot]
}

// newRegistry returns a registry with the metrics of every Go program.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// newMetrics registers the metrics. restarts returns how many processes of the
// gateway died before this one.
func newMetrics(registry prometheus.Registerer, guard *guard.Guard, restarts func() float64) *metrics {
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:                        name,
			Help:                        help,
			Buckets:                     prometheus.ExponentialBuckets(0.0005, 2, 14),
			NativeHistogramBucketFactor: 1.1,
		})
	}
	m := &metrics{
		generation: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatelodge_snapshot_generation",
			Help: "Number of the live snapshot, counted from 1 in this process.",
		}),
		build: seconds("gatelodge_snapshot_build_seconds", "Time to build a snapshot."),
		lag:   seconds("gatelodge_snapshot_lag_seconds", "Time from when a change was seen until it was served."),
		problems: prometheus.NewDesc("gatelodge_problems",
			"Problems of the live snapshot.", []string{"reason"}, nil),
		certificate: prometheus.NewDesc("gatelodge_certificate_expiry_timestamp_seconds",
			"End of validity of each certificate in use, in seconds since 1970.", []string{"name", "source"}, nil),
		flawed: prometheus.NewDesc("gatelodge_certificates_flawed",
			"Certificates in use that must be replaced at once: others have the key, or the CA has revoked them.", []string{"flaw"}, nil),
	}
	b := buildInfo()
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "gatelodge_build_info",
		Help:        "Always 1; the labels identify the build.",
		ConstLabels: prometheus.Labels{"version": b.version, "commit": b.commit, "goversion": b.goVersion},
	}, func() float64 { return 1 })
	holding := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gatelodge_guard_holding",
		Help: "1 while the withdrawal guard keeps deleted hosts or delays the start, otherwise 0.",
	}, func() float64 {
		if status := guard.Status(); status.Holding || status.Starting {
			return 1
		}
		return 0
	})
	restarted := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gatelodge_restarts_total",
		Help: "Restarts of the gateway's process by its supervisor.",
	}, restarts)
	registry.MustRegister(m.generation, m.build, m.lag, info, holding, restarted, m)
	return m
}

// swapped records a snapshot that went live.
func (m *metrics) swapped(s *gatelodge.Snapshot, generation uint64, build, lag time.Duration) {
	m.live.Store(s)
	m.generation.Set(float64(generation))
	m.build.Observe(build.Seconds())
	m.lag.Observe(lag.Seconds())
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- m.problems
	descs <- m.certificate
	descs <- m.flawed
}

// Collect implements prometheus.Collector for metrics that are read from the
// snapshot.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	s := m.live.Load()
	if s == nil {
		return
	}
	counts := make(map[gatelodge.Reason]int)
	for p := range s.Problems.All() {
		counts[p.Reason]++
	}
	for reason, n := range counts {
		out <- prometheus.MustNewConstMetric(m.problems, prometheus.GaugeValue, float64(n), string(reason))
	}
	// Several Secrets may hold certificates of one name: report the first to
	// expire.
	type key struct {
		name   gatelodge.Name
		source gatelodge.CertificateSource
	}
	ends := make(map[key]time.Time)
	flawed := map[gatelodge.FlawKind]map[string]bool{gatelodge.FlawedKey: {}, gatelodge.Revoked: {}} // by fingerprint
	add := func(c *gatelodge.Certificate) {
		if c.Flaw != nil {
			flawed[c.Flaw.Kind][c.Fingerprint] = true
		}
		for _, n := range c.Names {
			k := key{n, c.Source}
			if end, ok := ends[k]; !ok || c.NotAfter.Before(end) {
				ends[k] = c.NotAfter
			}
		}
	}
	for _, c := range s.DefaultCertificates {
		add(c)
	}
	for _, h := range s.Hosts.All() {
		for _, c := range h.Certificates {
			add(c)
		}
	}
	for kind, certificates := range flawed {
		out <- prometheus.MustNewConstMetric(m.flawed, prometheus.GaugeValue, float64(len(certificates)), string(kind))
	}
	for k, end := range ends {
		out <- prometheus.MustNewConstMetric(m.certificate, prometheus.GaugeValue, float64(end.Unix()), string(k.name), string(k.source))
	}
}

package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"gatelodge.dev/tls/revocation"
)

// revocationMetrics count the CRLs that the leader fetches.
type revocationMetrics struct {
	revocations *revocation.Checker
	fetches     *prometheus.Desc
}

func newRevocationMetrics(revocations *revocation.Checker) *revocationMetrics {
	return &revocationMetrics{revocations, prometheus.NewDesc("gatelodge_crl_fetches_total",
		"CRLs that this replica fetched, or failed to fetch, as the leader.", []string{"result"}, nil)}
}

// Describe implements prometheus.Collector.
func (m *revocationMetrics) Describe(descs chan<- *prometheus.Desc) { descs <- m.fetches }

// Collect implements prometheus.Collector.
func (m *revocationMetrics) Collect(out chan<- prometheus.Metric) {
	fetched, failed := m.revocations.Fetches()
	out <- prometheus.MustNewConstMetric(m.fetches, prometheus.CounterValue, float64(fetched), "ok")
	out <- prometheus.MustNewConstMetric(m.fetches, prometheus.CounterValue, float64(failed), "failed")
}

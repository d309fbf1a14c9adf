package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/doctor"
	"gatelodge.dev/kube/objects"
)

// newDoctor returns the doctor of a gateway. Its findings become problems at the next
// build.
func (g *gateway) newDoctor() *doctor.Doctor {
	return doctor.New(doctor.Config{
		Log:      g.log,
		Settings: func() doctor.Settings { return g.config.Load().Doctor },
		Snapshot: func() *gatelodge.Snapshot { s, _, _ := g.live.Current(); return s },
		Answer:   g.dns.Answer,
		Changed:  g.wakeBuild.Raise,
	})
}

// delegationProblems returns the findings of the doctor as problems of the zones.
func (g *gateway) delegationProblems() (problems []gatelodge.Problem) {
	for _, d := range g.doctor.All() {
		for _, f := range d.Findings {
			problems = append(problems, gatelodge.Problem{
				Object: objects.ConfigObject(fmt.Sprintf("dns.zones[%s]", d.Zone)), Reason: gatelodge.BadDelegation,
				Message: f.Text + "; " + f.Do,
			})
		}
	}
	return problems
}

// delegationMetrics are the metrics of the doctor's results.
type delegationMetrics struct {
	g                 *gateway
	findings, checked *prometheus.Desc
}

func (g *gateway) showDelegations() {
	g.registry.MustRegister(&delegationMetrics{g,
		prometheus.NewDesc("gatelodge_delegation_findings", "Findings about the delegation of a zone, by kind.", []string{"zone", "kind"}, nil),
		prometheus.NewDesc("gatelodge_delegation_check_timestamp_seconds", "Time of the last check of a zone's delegation, in seconds since 1970.", []string{"zone"}, nil),
	})
}

// Describe implements prometheus.Collector.
func (m *delegationMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- m.findings
	descs <- m.checked
}

// Collect implements prometheus.Collector.
func (m *delegationMetrics) Collect(out chan<- prometheus.Metric) {
	for _, d := range m.g.doctor.All() {
		counts := make(map[gatelodge.FindingKind]int)
		for _, f := range d.Findings {
			counts[f.Kind]++
		}
		for kind, n := range counts {
			out <- prometheus.MustNewConstMetric(m.findings, prometheus.GaugeValue, float64(n), string(d.Zone), string(kind))
		}
		out <- prometheus.MustNewConstMetric(m.checked, prometheus.GaugeValue, float64(d.At.Unix()), string(d.Zone))
	}
}

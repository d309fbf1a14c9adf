package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/tls/issuer"
)

// writeOrders writes when a gateway that starts now would order the missing
// certificates.
func writeOrders(to io.Writer, issuing *gatelodge.Issuing, now time.Time) error {
	for _, p := range issuer.Plan(issuing, now) {
		when := "at once"
		if wait := p.At.Sub(now).Round(time.Second); wait > 0 {
			when = "after " + wait.String()
		}
		if p.KeyType != "" && p.KeyType != gatelodge.ECDSAP256 {
			when += " key=" + string(p.KeyType)
		}
		if p.Waits != "" {
			when += " limit=" + p.Waits
		}
		if p.With != "" {
			when += " with=" + string(p.With)
		}
		if _, err := fmt.Fprintf(to, "order %s for %s %s\n", p.Name, asking(p), when); err != nil {
			return err
		}
	}
	return nil
}

// asking formats the Ingresses that ask for a certificate.
func asking(p issuer.Planned) string {
	if p.Namespace == "" {
		return "Config acme.wildcards"
	}
	return "namespace " + p.Namespace
}

type apiOrders struct {
	Leader bool       `json:"leader"` // only the leader orders, and has a plan
	Orders []apiOrder `json:"orders"`
}

type apiOrder struct {
	Name      string    `json:"name"`
	KeyType   string    `json:"keyType"`
	Namespace string    `json:"namespace"` // empty: the configuration
	State     string    `json:"state"`     // ordering, due or waiting
	At        time.Time `json:"at"`
	Limit     string    `json:"limit,omitempty"` // the limit that it waits for; retry: its last order failed
	Renewal   bool      `json:"renewal"`
	With      string    `json:"with,omitempty"` // the host whose certificate it shares
}

func (a *admin) orders(w http.ResponseWriter, _ *http.Request) {
	answer := apiOrders{Orders: []apiOrder{}}
	now := time.Now()
	if a.gateway.issuer != nil {
		var planned []issuer.Planned
		planned, answer.Leader = a.gateway.issuer.Plan(now)
		for _, p := range planned {
			answer.Orders = append(answer.Orders, apiOrder{string(p.Name), string(cmp.Or(p.KeyType, gatelodge.ECDSAP256)), p.Namespace, stateOf(p, now), p.At.UTC().Truncate(time.Second), p.Waits, p.Renewal, string(p.With)})
		}
	}
	writeJSON(w, answer)
}

func stateOf(p issuer.Planned, now time.Time) string {
	switch {
	case p.Busy:
		return "ordering"
	case p.At.After(now):
		return "waiting"
	}
	return "due"
}

// orderMetrics describe the leader's queue of orders.
type orderMetrics struct {
	issuer                *issuer.Issuer
	queued, sharing, done *prometheus.Desc
	forbidden             *prometheus.Desc
}

func newOrderMetrics(issuer *issuer.Issuer) *orderMetrics {
	return &orderMetrics{
		issuer: issuer,
		queued: prometheus.NewDesc("gatelodge_acme_orders_queued",
			"Certificates that the leader has to order, by the CA's limit that they wait for; none: they are due; retry: the last order failed.", []string{"limit"}, nil),
		sharing: prometheus.NewDesc("gatelodge_acme_orders_sharing_hosts",
			"Hosts that will share a queued certificate with another host.", nil, nil),
		done: prometheus.NewDesc("gatelodge_acme_orders_done_timestamp_seconds",
			"Time when the last queued certificate will be ordered, in seconds since 1970; 0 if none is queued.", nil, nil),
		forbidden: prometheus.NewDesc("gatelodge_acme_orders_forbidden",
			"Certificates that the leader does not order because CAA records forbid it.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *orderMetrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- m.queued
	descs <- m.sharing
	descs <- m.done
	descs <- m.forbidden
}

// Collect implements prometheus.Collector.
func (m *orderMetrics) Collect(out chan<- prometheus.Metric) {
	planned, leading := m.issuer.Plan(time.Now())
	if !leading {
		return
	}
	counts := map[string]int{"none": 0}
	var sharing, done float64
	for _, p := range planned {
		if p.With != "" {
			sharing++
			continue
		}
		limit := p.Waits
		if limit == "" {
			limit = "none"
		}
		counts[limit]++
		done = max(done, float64(p.At.Unix()))
	}
	for limit, n := range counts {
		out <- prometheus.MustNewConstMetric(m.queued, prometheus.GaugeValue, float64(n), limit)
	}
	out <- prometheus.MustNewConstMetric(m.forbidden, prometheus.GaugeValue, float64(m.issuer.Forbidden()))
	out <- prometheus.MustNewConstMetric(m.sharing, prometheus.GaugeValue, sharing)
	out <- prometheus.MustNewConstMetric(m.done, prometheus.GaugeValue, done)
}

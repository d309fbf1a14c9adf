package dnsserve

import (
	"math"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// metrics exposes the counts of the live zones. The series of a zone are dropped
// with it.
type metrics struct {
	requests *prometheus.Desc
	duration *prometheus.Desc
	serial   *prometheus.Desc
	copies   *prometheus.Desc
	notices  *prometheus.Desc

	mu    sync.Mutex
	zones map[zoneKey]*zoneStats
	table func() *table

	transfers *transfers
	notifier  *notifier
}

func newMetrics() *metrics {
	return &metrics{
		requests: prometheus.NewDesc("gatelodge_dns_requests_total",
			"DNS queries answered; zone is empty for names outside of all zones.",
			[]string{"zone", "view", "proto", "type", "rcode"}, nil),
		duration: prometheus.NewDesc("gatelodge_dns_request_duration_seconds",
			"Time from receiving a DNS query until its reply is ready.",
			[]string{"zone", "view"}, nil),
		serial: prometheus.NewDesc("gatelodge_dns_zone_serial",
			"Serial of the zone that is served.",
			[]string{"zone", "view"}, nil),
		copies: prometheus.NewDesc("gatelodge_dns_transfers_total",
			"Queries for a zone or its changes; kind is axfr, ixfr, or soa where only the serial was sent; result is sent, refused or failed.",
			[]string{"zone", "view", "kind", "result"}, nil),
		notices: prometheus.NewDesc("gatelodge_dns_notifies_total",
			"NOTIFY messages to secondaries; result is answered, refused or failed.",
			[]string{"zone", "view", "result"}, nil),
		zones: make(map[zoneKey]*zoneStats),
	}
}

// of returns the counts of a zone, which continue from table to table.
func (m *metrics) of(key zoneKey) *zoneStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	stats := m.zones[key]
	if stats == nil {
		stats = newZoneStats(key)
		m.zones[key] = stats
	}
	return stats
}

// forget drops the counts of zones and views that t does not have.
func (m *metrics) forget(t *table) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.zones {
		if t.view(key.view) == nil || key.zone != "" && !t.has(key) {
			delete(m.zones, key)
		}
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.requests
	ch <- m.duration
	ch <- m.serial
	ch <- m.copies
	ch <- m.notices
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	if t := m.table(); t != nil {
		for _, v := range t.views {
			for _, z := range v.zones {
				if record := z.soa(); record.known {
					ch <- prometheus.MustNewConstMetric(m.serial, prometheus.GaugeValue, float64(record.serial), string(z.source.Name), v.source.Name)
				}
			}
		}
	}
	for c, n := range m.transfers.counts.all() {
		ch <- prometheus.MustNewConstMetric(m.copies, prometheus.CounterValue, float64(n), string(c.zone.Zone), c.zone.View, c.kind, c.result)
	}
	for c, n := range m.notifier.counts.all() {
		ch <- prometheus.MustNewConstMetric(m.notices, prometheus.CounterValue, float64(n), string(c.zone.Zone), c.zone.View, c.result)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, stats := range m.zones {
		m.collectRequests(ch, stats)
		ch <- newHistogram(m.duration, stats)
	}
}

func (m *metrics) collectRequests(ch chan<- prometheus.Metric, stats *zoneStats) {
	for via := range transports {
		for i := range len(countedTypes) + 1 {
			qtype := otherLabel
			if i < len(countedTypes) {
				qtype = dns.Type(countedTypes[i]).String()
			}
			for j := range len(countedCodes) + 1 {
				var n uint64
				for p := range stats.parts {
					n += stats.parts[p].requests[via][i][j].Load()
				}
				if n > 0 {
					ch <- prometheus.MustNewConstMetric(m.requests, prometheus.CounterValue, float64(n),
						stats.key.zone, stats.key.view, via.String(), qtype, codeLabel(j))
				}
			}
		}
	}
}

func codeLabel(i int) string {
	switch {
	case i == len(countedCodes):
		return otherLabel
	case countedCodes[i] == dns.RcodeBadVers:
		return "BADVERS" // BADSIG has the same number
	}
	return dns.RcodeToString[countedCodes[i]]
}

// histogram is a native and a classic histogram in one: the constant metrics of
// client_golang are one or the other.
type histogram struct {
	desc       *prometheus.Desc
	zone, view string
	counts     [durationBuckets]uint64
	spent      time.Duration
}

func newHistogram(desc *prometheus.Desc, stats *zoneStats) *histogram {
	h := &histogram{desc: desc, zone: stats.key.zone, view: stats.key.view}
	for p := range stats.parts {
		for i := range h.counts {
			h.counts[i] += stats.parts[p].durations[i].Load()
		}
		h.spent += time.Duration(stats.parts[p].spent.Load())
	}
	return h
}

// Desc implements prometheus.Metric.
func (h *histogram) Desc() *prometheus.Desc { return h.desc }

// classicBounds are exponents of 2: 8 µs, 31 µs, 122 µs … 125 ms, 1 s. They
// are bounds of native buckets too, so both forms are exact.
var classicBounds = [...]int{-17, -15, -13, -11, -9, -7, -5, -3, 0}

// Write implements prometheus.Metric.
func (h *histogram) Write(out *dto.Metric) error {
	out.Label = []*dto.LabelPair{{Name: ptr("view"), Value: &h.view}, {Name: ptr("zone"), Value: &h.zone}}
	out.Histogram = &dto.Histogram{
		SampleSum:     ptr(h.spent.Seconds()),
		Schema:        ptr(int32(durationSchema)),
		ZeroThreshold: ptr(0.0),
		ZeroCount:     ptr(uint64(0)),
	}
	var count uint64
	bound := 0
	for i, n := range h.counts {
		count += n
		if bound < len(classicBounds) && i+shortestBucket == classicBounds[bound]*bucketsADouble {
			out.Histogram.Bucket = append(out.Histogram.Bucket, &dto.Bucket{
				CumulativeCount: ptr(count),
				UpperBound:      ptr(math.Ldexp(1, classicBounds[bound])),
			})
			bound++
		}
	}
	out.Histogram.SampleCount = &count
	h.writeNative(out.Histogram)
	return nil
}

// writeNative writes the native buckets: one span from the first that is not
// empty to the last, each count as the difference to the one before.
func (h *histogram) writeNative(out *dto.Histogram) {
	first, last := -1, -1
	for i, n := range h.counts {
		if n > 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		// An empty span marks a native histogram without observations; without it
		// this would be a classic one.
		out.PositiveSpan = []*dto.BucketSpan{{Offset: ptr(int32(0)), Length: ptr(uint32(0))}}
		return
	}
	out.PositiveSpan = []*dto.BucketSpan{{Offset: ptr(int32(first + shortestBucket)), Length: ptr(uint32(last - first + 1))}}
	var before int64
	for _, n := range h.counts[first : last+1] {
		out.PositiveDelta = append(out.PositiveDelta, int64(n)-before)
		before = int64(n)
	}
}

// ptr is for the optional fields of protocol buffers.
func ptr[T any](v T) *T { return &v }

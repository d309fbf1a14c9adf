package dnsserve

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	gatelodge "gatelodge.dev"
)

// gather returns the metrics of a registry by name, and each series in the
// form `{labels} value`.
func gather(t *testing.T, registry *prometheus.Registry) (families map[string]*dto.MetricFamily, series []string) {
	t.Helper()
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families = make(map[string]*dto.MetricFamily)
	for _, f := range all {
		families[f.GetName()] = f
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			value := m.Counter.GetValue() + m.Gauge.GetValue() + float64(m.Histogram.GetSampleCount())
			series = append(series, fmt.Sprintf("%s{%s} %v", f.GetName(), strings.Join(labels, ","), value))
		}
	}
	return families, series
}

// TestMetrics: queries are counted under their zone, with few label values,
// and the series go with the zone.
func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	zone := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1")
	s, live := startServer(t, Config{Registerer: registry}, snapshotOf(zone))
	addr := s.Addr("dns")
	for range 3 {
		dig(t, "udp", addr, "www.example.", dns.TypeA)
	}
	dig(t, "tcp", addr, "www.example.", dns.TypeA)
	dig(t, "udp", addr, "none.example.", 65280)
	dig(t, "udp", addr, "none.example.", 65281)
	dig(t, "udp", addr, "www.elsewhere.", dns.TypeAAAA)

	serial, _ := s.Serial("example", "default")
	want := []string{
		"gatelodge_dns_requests_total{proto=udp,rcode=NOERROR,type=A,view=default,zone=example} 3",
		"gatelodge_dns_requests_total{proto=tcp,rcode=NOERROR,type=A,view=default,zone=example} 1",
		"gatelodge_dns_requests_total{proto=udp,rcode=NXDOMAIN,type=OTHER,view=default,zone=example} 2",
		"gatelodge_dns_requests_total{proto=udp,rcode=REFUSED,type=AAAA,view=default,zone=} 1",
		"gatelodge_dns_request_duration_seconds{view=default,zone=example} 6",
		"gatelodge_dns_request_duration_seconds{view=default,zone=} 1",
		fmt.Sprintf("gatelodge_dns_zone_serial{view=default,zone=example} %v", float64(serial)),
	}
	slices.Sort(want)
	var series []string
	waitFor(t, "the last query's time to be counted", func() bool {
		_, series = gather(t, registry)
		slices.Sort(series)
		return slices.Equal(series, want)
	})

	live.Swap(snapshotOf())
	if _, series = gather(t, registry); len(series) != 2 {
		t.Errorf("without the zone there are %q, want those of names outside", series)
	}
	live.Swap(&gatelodge.Snapshot{})
	if _, series = gather(t, registry); len(series) != 0 {
		t.Errorf("without the view there are %q", series)
	}
}

// TestHistogramIsRightInBothForms: each duration is in the native bucket and
// under the classic bounds that hold it.
func TestHistogramIsRightInBothForms(t *testing.T) {
	stats := newZoneStats(zoneKey{"example", "default"})
	durations := []time.Duration{0, 1, 50 * time.Nanosecond, 3 * time.Microsecond, 10 * time.Microsecond, time.Millisecond, time.Second, time.Minute}
	for i, d := range durations {
		stats.parts[i%len(stats.parts)].observe(d)
	}
	var m dto.Metric
	if err := newHistogram(newMetrics().duration, stats).Write(&m); err != nil {
		t.Fatal(err)
	}
	h := m.Histogram
	if h.GetSampleCount() != uint64(len(durations)) {
		t.Errorf("%d observations", h.GetSampleCount())
	}
	for _, b := range h.Bucket {
		want := 0
		for _, d := range durations {
			if d.Seconds() <= b.GetUpperBound() {
				want++
			}
		}
		if b.GetCumulativeCount() != uint64(want) {
			t.Errorf("up to %v s: %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
		}
	}
	index, count, total := h.PositiveSpan[0].GetOffset(), int64(0), int64(0)
	for _, delta := range h.PositiveDelta {
		count += delta
		total += count
		upper := math.Exp2(float64(index) / bucketsADouble)
		lower := math.Exp2(float64(index-1) / bucketsADouble)
		want := int64(0)
		for _, d := range durations {
			clamped := min(max(d.Seconds(), math.Ldexp(1, -24)), 16)
			if clamped > lower*1.0000001 && clamped <= upper*1.0000001 {
				want++
			}
		}
		if count != want {
			t.Errorf("native bucket (%v, %v]: %d, want %d", lower, upper, count, want)
		}
		index++
	}
	if total != int64(len(durations)) {
		t.Errorf("native buckets hold %d", total)
	}
	stats = newZoneStats(zoneKey{})
	if err := newHistogram(newMetrics().duration, stats).Write(&m); err != nil || m.Histogram.GetSampleCount() != 0 || len(m.Histogram.PositiveSpan) != 1 {
		t.Errorf("without observations: %v", m.Histogram)
	}
}

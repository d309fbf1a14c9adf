package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"gatelodge.dev/kube/cluster"
)

// metricsPage lists the metrics. The flag -update writes it anew.
const metricsPage = "../../docs/metrics.md"

var updateMetrics = flag.Bool("update", false, "write the table of docs/metrics.md")

// described is what is known of a metric before it has a series.
type described struct {
	help   string
	labels []string
}

// allMetrics returns those that a gateway can have, by name.
func allMetrics(t *testing.T) map[string]described {
	t.Helper()
	g := adminOf(t, "")
	g.registry.MustRegister(newOrderMetrics(nil), newRevocationMetrics(nil))
	cluster.New(nil, cluster.Config{Registerer: g.registry})
	descs := make(chan *prometheus.Desc)
	go func() {
		g.registry.Describe(descs)
		close(descs)
	}()
	// A Desc has no other way to tell.
	form := regexp.MustCompile(`^Desc\{fqName: "(gatelodge_\w+)", help: ("(?:[^"\\]|\\.)*"),.*? constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)
	all := make(map[string]described)
	for desc := range descs {
		parts := form.FindStringSubmatch(desc.String())
		if parts == nil {
			continue // of Go's runtime or the process
		}
		help, err := strconv.Unquote(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		d := described{help: help}
		for _, label := range strings.FieldsFunc(parts[3]+","+parts[4], func(r rune) bool { return r == ',' }) {
			name, _, _ := strings.Cut(label, "=")
			d.labels = append(d.labels, name)
		}
		all[parts[1]] = d
	}
	return all
}

// TestMetricsPageIsFresh: the page has every metric, with its labels.
func TestMetricsPageIsFresh(t *testing.T) {
	var table strings.Builder
	all := allMetrics(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		labels := "none"
		if len(all[name].labels) > 0 {
			labels = "`" + strings.Join(all[name].labels, "`, `") + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", name, labels, all[name].help)
	}
	text, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), "|---|---|---|\n")
	rows := 0
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		rows += len(line)
	}
	if want := head + "|---|---|---|\n" + table.String() + rest[rows:]; !found || want != string(text) {
		if !*updateMetrics || !found {
			t.Fatalf("%s is not what the gateway has, write it anew with: make docs", metricsPage)
		}
		if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEveryMetricIsLookedAt: the dashboard of Grafana and the alerts ask for every
// metric, and for none that there is not, nor for labels that it does not have.
func TestEveryMetricIsLookedAt(t *testing.T) {
	all := allMetrics(t)
	asked := make(map[string]bool)
	for _, file := range []string{"chart/files/alerts.yaml", "chart/files/dashboard.json"} {
		text, err := os.ReadFile("../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		unescaped := strings.ReplaceAll(string(text), `\"`, `"`)
		for _, use := range regexp.MustCompile(`\b(gatelodge_\w+?)(?:_bucket|_count|_sum)?\b(?:\{([^}]*)\})?`).FindAllStringSubmatch(unescaped, -1) {
			metric, known := all[use[1]]
			if !known {
				t.Errorf("%s asks for %s, which there is not", file, use[1])
			}
			asked[use[1]] = true
			for _, label := range regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`).FindAllStringSubmatch(use[2], -1) {
				if !slices.Contains(metric.labels, label[1]) && !slices.Contains([]string{"gateway", "pod"}, label[1]) { // which the scrape adds
					t.Errorf("%s asks for the label %s of %s, which does not have it", file, label[1], use[1])
				}
			}
		}
	}
	for name := range all {
		if !asked[name] {
			t.Errorf("%s is in no panel and no alert", name)
		}
	}
}

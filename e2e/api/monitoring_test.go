package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/chart"
	"gatelodge.dev/e2e/undertest"
)

// scraped are the labels that come from the scrape, by the relabelling of the
// chart's ServiceMonitor.
var scraped = []string{"job", "instance", "pod", "gateway", "gateway_namespace"}

// TestQueriesAskForWhatThereIs: each metric and label that the alert rules and
// the dashboard name is one that a gateway has, after some traffic.
func TestQueriesAskForWhatThereIs(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	leader(t, g)
	secret, roots := tlsSecret(t, "shop", "web-tls", "web.example.test")
	g.Roots = roots
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+secret)
	cluster.Apply(t, ingress("web", "web.example.test", "  tls: [{secretName: web-tls}]\n"))
	cluster.Apply(t, strings.ReplaceAll(ingress("down", "down.example.test", ""), "echo", "down")+down(apiserver.Address(2).String()))
	undertest.Await(t, "the route with its certificate", func() error { return g.Answers("https://web.example.test/", http.StatusOK) })
	undertest.Await(t, "the failing one", func() error { return g.Answers("http://down.example.test/", http.StatusBadGateway) })
	undertest.Await(t, "the problem of the route without a backend", func() error {
		cluster.Apply(t, strings.ReplaceAll(ingress("lost", "lost.example.test", ""), "echo", "nowhere"))
		return g.Answers("http://lost.example.test/", http.StatusServiceUnavailable)
	})
	if _, err := g.Addresses("web.example.test"); err != nil {
		t.Fatal(err)
	}
	var text string
	undertest.Await(t, "the serial of the zone, which the leader stores", func() (err error) {
		if _, text, err = g.Get("http://" + g.Admin + "/metrics"); err == nil && !strings.Contains(text, "gatelodge_dns_zone_serial{") {
			err = errors.New("there is none yet")
		}
		return err
	})
	have := parseMetrics(text)
	have.document(t)
	queries, err := chart.Queries("../../deploy")
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) < 40 {
		t.Errorf("only %d queries were found", len(queries))
	}
	for _, query := range queries {
		if err := have.answers(query.Expr); err != nil {
			t.Errorf("%s: %v\n%s", query.Where, err, query.Expr)
		}
	}
	for _, wrong := range []string{"gatelodge_nothing", `gatelodge_leader{zone="x"}`, "sum by (zone) (gatelodge_leader)"} {
		if have.answers(wrong) == nil {
			t.Errorf("%s passes too", wrong)
		}
	}
}

// down is a Service with an endpoint where nothing listens.
func down(address string) string {
	return fmt.Sprintf(`
---
apiVersion: v1
kind: Service
metadata: {name: down, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: down-1, namespace: shop, labels: {kubernetes.io/service-name: down}}
addressType: IPv4
ports: [{name: http, port: 8081}]
endpoints: [{addresses: [%s]}]
`, address)
}

// metrics are the names of labels by that of the metric.
type metrics map[string][]string

// parseMetrics reads Prometheus's text format as far as names go.
func parseMetrics(text string) metrics {
	sample := regexp.MustCompile(`(?m)^([a-z0-9_]+)(?:\{(.*)\})? \S+$`)
	label := regexp.MustCompile(`([a-z0-9_]+)="`)
	all := metrics{"up": scraped} // Prometheus makes that one
	for _, line := range sample.FindAllStringSubmatch(text, -1) {
		all[line[1]] = append(all[line[1]], scraped...)
		for _, name := range label.FindAllStringSubmatch(line[2], -1) {
			all[line[1]] = append(all[line[1]], name[1])
		}
	}
	return all
}

// document adds the metrics that had no reason to have a series yet, as docs/metrics.md
// lists them; that it lists what the gateway has is a test of cmd/gatelodge.
func (m metrics) document(t *testing.T) {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (.*?) \\|")
	label := regexp.MustCompile("`(\\w+)`")
	for _, metric := range row.FindAllStringSubmatch(string(page), -1) {
		if _, seen := m[metric[1]]; seen {
			continue
		}
		m[metric[1]] = scraped
		for _, name := range label.FindAllStringSubmatch(metric[2], -1) {
			m[metric[1]] = append(m[metric[1]][:len(m[metric[1]]):len(m[metric[1]])], name[1])
		}
	}
}

// answers returns an error for a query that names what there is not.
func (m metrics) answers(query string) error {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return err
	}
	var unknown error
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			if err := m.have(node); err != nil {
				unknown = err
			}
		case *parser.AggregateExpr:
			if err := m.groups(node); err != nil {
				unknown = err
			}
		}
		return nil
	})
	return unknown
}

func (m metrics) have(selector *parser.VectorSelector) error {
	known, ok := m[selector.Name]
	if !ok {
		return fmt.Errorf("there is no metric %s", selector.Name)
	}
	for _, matcher := range selector.LabelMatchers {
		if matcher.Name != model.MetricNameLabel && !slices.Contains(known, matcher.Name) {
			return fmt.Errorf("%s has no label %s", selector.Name, matcher.Name)
		}
	}
	return nil
}

// groups checks the labels of "by" against those of the metrics below.
func (m metrics) groups(aggregate *parser.AggregateExpr) error {
	var missing error
	parser.Inspect(aggregate.Expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			for _, label := range aggregate.Grouping {
				if !slices.Contains(m[selector.Name], label) {
					missing = fmt.Errorf("%s has no label %s to group by", selector.Name, label)
				}
			}
		}
		return nil
	})
	return missing
}

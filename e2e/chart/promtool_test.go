//go:build debian

package chart

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// promtool of the Debian package prometheus has the last word on the queries.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

func TestPromtoolTakesAlertsAndDashboard(t *testing.T) {
	promtool(t, "check", "rules", filepath.Join(deploy, "chart/files/alerts.yaml"))

	// It checks rules only, so the dashboard's queries become some.
	queries, err := Queries(deploy)
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Record string            `json:"record"`
		Expr   string            `json:"expr"`
		Labels map[string]string `json:"labels"`
	}
	type group struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}
	queried := group{Name: "queries"}
	for _, query := range queries {
		queried.Rules = append(queried.Rules, rule{"test:query", query.Expr, map[string]string{"where": query.Where}})
	}
	text, err := json.Marshal(map[string][]group{"groups": {queried}}) // which is YAML too
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", file)
}

// TestAlertsFire: testdata/alerts.yaml says at which series which alert fires.
func TestAlertsFire(t *testing.T) {
	promtool(t, "test", "rules", "testdata/alerts.yaml")
}

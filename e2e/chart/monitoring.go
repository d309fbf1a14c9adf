package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// A Query is a PromQL expression of the chart, and where it stands.
type Query struct{ Where, Expr string }

// Queries returns those of the alert rules and of the dashboard, whose variables
// are filled in. deploy is the path of that folder.
func Queries(deploy string) ([]Query, error) {
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := read(filepath.Join(deploy, "chart/files/alerts.yaml"), &rules); err != nil {
		return nil, err
	}
	var all []Query
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			all = append(all, Query{"alert " + rule.Alert, rule.Expr})
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := read(filepath.Join(deploy, "chart/files/dashboard.json"), &dashboard); err != nil {
		return nil, err
	}
	for _, variable := range dashboard.Templating.List {
		if inner, ok := strings.CutPrefix(variable.Definition, "label_values("); ok {
			selector, label, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ", ")
			all = append(all, Query{"variable " + variable.Name, fmt.Sprintf("group by (%s) (%s)", label, fill(selector))})
		}
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, Query{"panel " + panel.Title, fill(target.Expr)})
		}
	}
	return all, nil
}

// fill puts a value in the place of each variable of Grafana's.
func fill(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$gateway", ".*", "$pod", ".*", "$namespace", ".*").Replace(expr)
}

func read(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if filepath.Ext(file) == ".json" {
		err = json.Unmarshal(text, into)
	} else {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

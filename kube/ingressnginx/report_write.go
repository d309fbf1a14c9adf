package ingressnginx

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// Clean reports whether nothing is to be done before the move.
func (r *Report) Clean() bool { return r.Sum.ToDo == 0 && len(r.Settings) == 0 && len(r.Others) == 0 }

// WriteText writes the report for a terminal: the sum, then what needs attention.
func (r *Report) WriteText(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Ingresses: %d; answered as before: %d; with named differences: %d; with something to be done: %d", r.Sum.Ingresses, r.Sum.Same, r.Sum.Differs, r.Sum.ToDo)
	if r.Sum.Others > 0 {
		fmt.Fprintf(&b, "; of other classes, not looked at: %d", r.Sum.Others)
	}
	b.WriteString("\n")
	if len(r.Annotations) > 0 {
		b.WriteString("\nAnnotations, by how many Ingresses have them:\n")
		for _, count := range r.Annotations {
			fmt.Fprintf(&b, "  %5d  %-40s %s\n", count.Ingresses, count.Annotation, count.Verdict)
		}
	}
	if len(r.Settings) > 0 {
		fmt.Fprintf(&b, "\nSettings of the controller that have no counterpart:\n")
		for _, s := range r.Settings {
			fmt.Fprintf(&b, "  %s: %s\n    %s\n", s.Setting, shown(s.Value), oneLine(s.ToDo))
		}
	}
	for _, part := range []struct {
		verdict Verdict
		title   string
	}{{NeedsYou, "To do"}, {Differs, "Different"}} {
		if !slices.ContainsFunc(r.Ingresses, func(one IngressReport) bool { return one.Verdict == part.verdict }) {
			continue
		}
		fmt.Fprintf(&b, "\n%s:\n", part.title)
		for _, one := range r.Ingresses {
			if one.Verdict == part.verdict {
				one.writeText(&b)
			}
		}
	}
	if len(r.Others) > 0 {
		b.WriteString("\nProblems of other objects:\n")
		for _, problem := range r.Others {
			fmt.Fprintf(&b, "  %s\n", problem)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (one *IngressReport) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "  Ingress %s/%s", one.Namespace, one.Name)
	if one.File != "" {
		fmt.Fprintf(b, " (%s:%d)", one.File, one.Line)
	}
	b.WriteString("\n")
	for _, f := range one.Findings {
		fmt.Fprintf(b, "    %s: %s\n", f.Kind, f.Line())
	}
}

// Line is the finding as one line.
func (f Finding) Line() string {
	return oneLine(strings.TrimPrefix(first(f.Annotation, f.Reason)+": "+f.Text, ": "))
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

//go:embed report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Parse(reportPage))

// WriteHTML writes the report as a page that needs nothing else.
func (r *Report) WriteHTML(out io.Writer) error { return reportTemplate.Execute(out, r) }

package ingressnginx

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

// Clean reports whether the operator has nothing to do before the move.
func (r *Report) Clean() bool { return r.Sum.ToDo == 0 && len(r.Settings) == 0 && len(r.Others) == 0 }

// WriteText writes the report for a terminal: the sum, then each finding once with its
// Ingresses.
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
		kind  FindingKind
		title string
	}{{ToDoFinding, "To do"}, {Difference, "Different"}, {Remark, "Nothing to do"}} {
		for i, p := range r.points(part.kind) {
			if i == 0 {
				fmt.Fprintf(&b, "\n%s:\n", part.title)
			}
			p.writeText(&b)
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

// point is a finding with its Ingresses, in the order of their names.
type point struct {
	Finding
	ingresses []*IngressReport
}

// points returns the findings of a kind, each once, ordered by the number of their
// Ingresses.
func (r *Report) points(kind FindingKind) []*point {
	byFinding := make(map[Finding]*point)
	var list []*point
	for i := range r.Ingresses {
		one := &r.Ingresses[i]
		for _, f := range one.Findings {
			if f.Kind != kind {
				continue
			}
			p := byFinding[f]
			if p == nil {
				p = &point{Finding: f}
				byFinding[f] = p
				list = append(list, p)
			}
			if n := len(p.ingresses); n == 0 || p.ingresses[n-1] != one {
				p.ingresses = append(p.ingresses, one)
			}
		}
	}
	for _, p := range list {
		slices.SortFunc(p.ingresses, func(a, b *IngressReport) int {
			return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		})
	}
	slices.SortFunc(list, func(a, b *point) int {
		return cmp.Or(cmp.Compare(len(b.ingresses), len(a.ingresses)), strings.Compare(a.Line(), b.Line()))
	})
	return list
}

// mostNamed is the maximum of Ingresses that the text lists for a point; JSON and the
// page list all.
const mostNamed = 10

func (p *point) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "  %s\n    %d Ingress", p.Line(), len(p.ingresses))
	separator := ": "
	if len(p.ingresses) > 1 {
		separator = "es: "
	}
	for i, one := range p.ingresses {
		if i == mostNamed {
			fmt.Fprintf(b, " and %d more", len(p.ingresses)-mostNamed)
			break
		}
		fmt.Fprintf(b, "%s%s/%s", separator, one.Namespace, one.Name)
		if one.File != "" {
			fmt.Fprintf(b, " (%s:%d)", one.File, one.Line)
		}
		separator = ", "
	}
	b.WriteString("\n")
}

// Line returns the finding as one line.
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

// WriteHTML writes the report as a self-contained page.
func (r *Report) WriteHTML(out io.Writer) error { return reportTemplate.Execute(out, r) }

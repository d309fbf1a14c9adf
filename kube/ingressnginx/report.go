package ingressnginx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Verdict is the effect of a move on an Ingress.
type Verdict string

// The verdicts.
const (
	Same     Verdict = "same"    // it is answered as before
	Differs  Verdict = "differs" // with documented differences
	NeedsYou Verdict = "todo"    // the operator has to do something first
)

// Report contains the effects of a move on each Ingress of the classes of
// ingress-nginx.
type Report struct {
	Controller  string          `json:"controller,omitempty"` // the source of the configuration
	Sum         Sum             `json:"sum"`
	Settings    []SettingReport `json:"settings,omitempty"` // of the controller, that need attention
	Ingresses   []IngressReport `json:"ingresses"`
	Others      []string        `json:"problems,omitempty"`    // of other objects
	Annotations []Count         `json:"annotations,omitempty"` // those that need attention or differ
}

// Sum counts Ingresses.
type Sum struct {
	Ingresses int `json:"ingresses"`
	Same      int `json:"same"`
	Differs   int `json:"differs"`
	ToDo      int `json:"todo"`
	Others    int `json:"otherClasses"` // not looked at
}

// Count is the number of Ingresses with an annotation, and the effect on it.
type Count struct {
	Annotation string `json:"annotation"`
	Verdict    string `json:"verdict"`
	Ingresses  int    `json:"ingresses"`
}

// SettingReport is a flag, a key or a port that has no counterpart.
type SettingReport struct {
	Setting string `json:"setting"`
	Value   string `json:"value"`
	ToDo    string `json:"todo"`
}

// IngressReport is the effect on one Ingress.
type IngressReport struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	File      string    `json:"file,omitempty"`
	Line      int       `json:"line,omitempty"`
	Hosts     []string  `json:"hosts,omitempty"`
	Verdict   Verdict   `json:"verdict"`
	Findings  []Finding `json:"findings,omitempty"`
}

// Finding is one point about an Ingress.
type Finding struct {
	Kind       FindingKind `json:"kind"`
	Annotation string      `json:"annotation,omitempty"`
	Reason     string      `json:"reason,omitempty"` // of the problem
	Text       string      `json:"text"`
}

// FindingKind is the consequence of a finding.
type FindingKind string

// The kinds.
const (
	ToDoFinding FindingKind = "todo"
	Difference  FindingKind = "difference"
	Remark      FindingKind = "remark" // no consequence
)

// NewReport assesses the Ingresses by the Snapshot that was built of them. t may be
// nil.
func NewReport(objs *objects.Objects, cfg *objects.Config, snapshot *gatelodge.Snapshot, t *Translation) *Report {
	r := &Report{Ingresses: []IngressReport{}}
	if t != nil {
		r.Controller = t.origin()
		for _, note := range t.With(ToDo) {
			r.Settings = append(r.Settings, SettingReport{note.Setting, note.Value, note.Text})
		}
	}
	problems, ofDefaults := make(map[objects.Key][]gatelodge.Problem), make(map[string]int)
	for p := range snapshot.Problems.All() {
		key := objects.Key{Namespace: p.Object.Namespace, Name: p.Object.Name}
		ingress := objs.Ingresses.Get(key)
		switch {
		case p.Object.Kind == "Ingress" && ingress != nil && isOfDefault(ingress, p):
			ofDefaults[p.Message]++
		case p.Object.Kind == "Ingress" && ingress != nil:
			problems[key] = append(problems[key], p)
		case p.Reason != gatelodge.ViewUnannounced: // the gateway has no Service yet
			r.Others = append(r.Others, p.String())
		}
	}
	for _, message := range slices.Sorted(maps.Keys(ofDefaults)) {
		r.Others = append(r.Others, fmt.Sprintf("Defaults of the class or the configuration, on %d Ingresses: %s", ofDefaults[message], gatelodge.Printable(message)))
	}
	classes := intent.NewClasses(objs.Classes, cfg)
	counts := make(map[Count]int)
	for key, ingress := range objs.Ingresses.All() {
		if ours, _ := classes.Has(ingress); !ours {
			r.Sum.Others++
			continue
		}
		one := judge(ingress, problems[key])
		origin := objs.Origins.Get(objects.UID(ingress.UID))
		one.File, one.Line = origin.File, origin.Line
		r.add(one, counts)
	}
	slices.SortStableFunc(r.Ingresses, func(a, b IngressReport) int { return cmp.Compare(a.Verdict.rank(), b.Verdict.rank()) })
	for _, count := range slices.SortedFunc(maps.Keys(counts), func(a, b Count) int {
		return cmp.Or(-cmp.Compare(counts[a], counts[b]), strings.Compare(a.Annotation, b.Annotation))
	}) {
		count.Ingresses = counts[count]
		r.Annotations = append(r.Annotations, count)
	}
	return r
}

func (r *Report) add(one IngressReport, counts map[Count]int) {
	r.Sum.Ingresses++
	switch one.Verdict {
	case Same:
		r.Sum.Same++
	case Differs:
		r.Sum.Differs++
	case NeedsYou:
		r.Sum.ToDo++
	}
	r.Ingresses = append(r.Ingresses, one)
	for _, f := range one.Findings {
		if entry, known := annotations.Of(f.Annotation); known {
			counts[Count{Annotation: entry.Name, Verdict: entry.Verdict.String()}]++
		}
	}
}

// judge returns the effect on an Ingress, by its annotations and its problems.
func judge(ingress *networkingv1.Ingress, problems []gatelodge.Problem) IngressReport {
	one := IngressReport{Namespace: ingress.Namespace, Name: ingress.Name, Verdict: Same}
	for _, rule := range ingress.Spec.Rules {
		if host := first(rule.Host, "*"); !slices.Contains(one.Hosts, host) {
			one.Hosts = append(one.Hosts, host)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(ingress.Annotations)) {
		entry, known := annotations.Of(key)
		if !known || !annotations.IsNginx(key) || annotations.AsksForNothing(key, ingress.Annotations[key]) {
			continue
		}
		switch entry.Verdict {
		case annotations.Differs:
			if !concerns(entry.Name, ingress.Annotations[key], ingress.Namespace) {
				continue
			}
			one.Findings = append(one.Findings, Finding{Difference, key, "", entry.Differs})
		case annotations.Meaningless:
			text := "It has no meaning here: " + entry.Why
			if entry.Instead != "" {
				text += "; " + entry.Instead
			}
			one.Findings = append(one.Findings, Finding{Remark, key, "", text + "."})
		case annotations.Refused:
			text := entry.Why + "; " + entry.Instead
			if entry.Protects {
				text += "; until then the routes answer 503"
			}
			one.Findings = append(one.Findings, Finding{ToDoFinding, key, "", text})
		}
	}
	for _, p := range problems {
		if p.Reason == gatelodge.UnknownAnnotation && one.tells(p) {
			continue
		}
		kind := ToDoFinding
		if p.Reason == gatelodge.UnknownAnnotation && strings.Contains(p.Message, "no effect here") {
			kind = Remark // it has none in ingress-nginx either
		}
		one.Findings = append(one.Findings, Finding{kind, "", string(p.Reason), gatelodge.Printable(p.Message)})
	}
	slices.SortStableFunc(one.Findings, func(a, b Finding) int { return cmp.Compare(a.Kind.rank(), b.Kind.rank()) })
	switch {
	case slices.ContainsFunc(one.Findings, func(f Finding) bool { return f.Kind == ToDoFinding }):
		one.Verdict = NeedsYou
	case slices.ContainsFunc(one.Findings, func(f Finding) bool { return f.Kind == Difference }):
		one.Verdict = Differs
	}
	return one
}

// isOfDefault reports whether a problem is about an annotation that the Ingress has
// from its class or the configuration, so that it is reported once.
func isOfDefault(ingress *networkingv1.Ingress, p gatelodge.Problem) bool {
	text, found := strings.CutPrefix(p.Message, "annotation ")
	if !found || p.Reason != gatelodge.BadAnnotation {
		return false
	}
	name := text[:max(0, strings.IndexAny(text, " :"))]
	if _, known := annotations.Of(annotations.OwnPrefix + name); !known {
		return false
	}
	for key, value := range ingress.Annotations {
		if entry, known := annotations.Of(key); known && entry.Name == name && value != "" {
			return false
		}
	}
	return true
}

// tells reports whether a finding already contains the problem of an annotation.
func (one *IngressReport) tells(p gatelodge.Problem) bool {
	return slices.ContainsFunc(one.Findings, func(f Finding) bool {
		return strings.HasPrefix(p.Message, fmt.Sprintf("annotation %s ", f.Annotation))
	})
}

// rank orders findings by the attention that they need.
func (v Verdict) rank() int { return slices.Index([]Verdict{NeedsYou, Differs, Same}, v) }

func (k FindingKind) rank() int {
	return slices.Index([]FindingKind{ToDoFinding, Difference, Remark}, k)
}

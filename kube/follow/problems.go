package follow

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Told contains the problems of one thing; nil: none.
type Told struct{ Problems []gatelodge.Problem }

// Wrong lists the problems of a result, which may be nil.
func (t *Told) Wrong() []gatelodge.Problem {
	if t == nil {
		return nil
	}
	return t.Problems
}

// Add returns t with one more problem, unless that is the last one again.
func (t *Told) Add(p gatelodge.Problem) *Told {
	if t == nil {
		t = &Told{}
	}
	if n := len(t.Problems); n > 0 && t.Problems[n-1] == p {
		return t
	}
	t.Problems = append(t.Problems, p)
	return t
}

// Problems counts how many steps report each problem, in the order in which problems
// are shown.
type Problems = gatelodge.Map[gatelodge.Problem, int]

// ProblemEdit changes the problems as the results of the steps change.
type ProblemEdit struct {
	*gatelodge.MapEdit[gatelodge.Problem, int]
}

// Replace removes the problems of a result and adds those of the result that replaced
// it.
func (e ProblemEdit) Replace(before, after []gatelodge.Problem) {
	if len(before) == 0 && len(after) == 0 || objects.SameSlice(before, after) {
		return
	}
	for _, p := range before {
		e.Set(p, e.Get(p)-1)
	}
	for _, p := range after {
		e.Set(p, e.Get(p)+1)
	}
}

// ReplaceAll replaces the problems of all results that changed.
func ReplaceAll[K gatelodge.Ordered[K], V comparable](e ProblemEdit, now, before gatelodge.Map[K, V], of func(V) []gatelodge.Problem) {
	for _, change := range now.Changes(before) {
		e.Replace(of(change.Before), of(change.After))
	}
}

// One lists a problem, nil for none.
func One(p *gatelodge.Problem) []gatelodge.Problem {
	if p == nil {
		return nil
	}
	return []gatelodge.Problem{*p}
}

package compile

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// told is what is wrong with one thing; nil: nothing.
type told struct{ problems []gatelodge.Problem }

// wrong lists the problems of a result, which may be nil.
func (t *told) wrong() []gatelodge.Problem {
	if t == nil {
		return nil
	}
	return t.problems
}

func (i *storedItem) wrong() []gatelodge.Problem {
	if i == nil {
		return nil
	}
	return i.problems
}

func (r *hostResult) wrong() []gatelodge.Problem {
	if r == nil {
		return nil
	}
	return r.problems
}

func (r *backendResult) wrong() []gatelodge.Problem {
	if r == nil {
		return nil
	}
	return r.problems
}

// add returns t with one more problem.
func (t *told) add(p gatelodge.Problem) *told {
	if t == nil {
		t = &told{}
	}
	t.problems = append(t.problems, p)
	return t
}

// problems counts how many steps tell of each problem, and is in the order in
// which problems are shown.
type problems = gatelodge.Map[gatelodge.Problem, int]

// problemEdit changes the problems as the results of the steps change.
type problemEdit struct {
	*gatelodge.MapEdit[gatelodge.Problem, int]
}

// replace takes out the problems of a result and puts in those of the result that
// took its place.
func (e problemEdit) replace(before, after []gatelodge.Problem) {
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

// follow replaces the problems of all results that changed.
func follow[K gatelodge.Ordered[K], V comparable](e problemEdit, now, before gatelodge.Map[K, V], of func(V) []gatelodge.Problem) {
	for _, change := range now.Changes(before) {
		e.replace(of(change.Before), of(change.After))
	}
}

// one lists a problem, nil for none.
func one(p *gatelodge.Problem) []gatelodge.Problem {
	if p == nil {
		return nil
	}
	return []gatelodge.Problem{*p}
}

func (r *resolved) wrong() []gatelodge.Problem {
	if r == nil {
		return nil
	}
	return r.problems
}

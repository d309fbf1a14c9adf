package compile

import (
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Withheld is what objects do not ask for any more and are served all the same.
// It is never written, so that Build can tell by the pointer what is new.
type Withheld struct {
	Ingresses    []*intent.Ingress     // the oldest first
	Publications []*intent.Publication // the oldest first
}

// asking is who asks for names: what the source has, and what the guard
// withholds.
type asking struct {
	source    *intent.Selection
	listed    []*intent.Publication
	withheld  *Withheld
	selection *intent.Selection
	published []*intent.Publication
}

func join(source *intent.Selection, listed []*intent.Publication, w *Withheld, last *asking) *asking {
	if last != nil && last.source == source && objects.SameSlice(last.listed, listed) && last.withheld == w {
		return last
	}
	a := &asking{source: source, listed: listed, withheld: w, selection: source, published: listed}
	if w == nil {
		return a
	}
	if len(w.Ingresses) > 0 {
		together := *source
		together.Ours = objects.InsertSorted(source.Ours, w.Ingresses, func(a, b *intent.Ingress) int { return a.Compare(&b.Applicant) })
		a.selection = &together
	}
	if len(w.Publications) > 0 {
		a.published = objects.InsertSorted(listed, w.Publications, func(a, b *intent.Publication) int { return a.Compare(&b.Applicant) })
	}
	return a
}

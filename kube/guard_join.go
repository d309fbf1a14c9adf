package kube

// withheld is what objects do not ask for any more and are served all the same.
// It is never written, so that Build can tell by the pointer what is new.
type withheld struct {
	ingresses    []*ingress     // the oldest first
	publications []*publication // the oldest first
}

// asking is who asks for names: what the source has, and what the guard
// withholds.
type asking struct {
	source    *selection
	listed    []*publication
	withheld  *withheld
	selection *selection
	published []*publication
}

func join(source *selection, listed []*publication, w *withheld, last *asking) *asking {
	if last != nil && last.source == source && sameSlice(last.listed, listed) && last.withheld == w {
		return last
	}
	a := &asking{source: source, listed: listed, withheld: w, selection: source, published: listed}
	if w == nil {
		return a
	}
	if len(w.ingresses) > 0 {
		together := *source
		together.ours = insertSorted(source.ours, w.ingresses, func(a, b *ingress) int { return a.compare(&b.applicant) })
		a.selection = &together
	}
	if len(w.publications) > 0 {
		a.published = insertSorted(listed, w.publications, func(a, b *publication) int { return a.compare(&b.applicant) })
	}
	return a
}

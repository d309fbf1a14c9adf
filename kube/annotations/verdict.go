package annotations

import (
	"slices"
	"strings"
	"sync"

	"gatelodge.dev/kube/nginxnames"
)

// Verdict says what becomes of an annotation of ingress-nginx.
type Verdict uint8

// The verdicts.
const (
	Honoured    Verdict = iota // as ingress-nginx does, or it is ours alone
	Differs                    // honoured, with the difference that is named
	Meaningless                // nothing here needs it: the answers are the same without
	Refused                    // not done here; the entry says what to do instead
)

// String is the verdict as pages and reports have it.
func (v Verdict) String() string {
	return [...]string{"honoured", "honoured with a difference", "without a meaning here", "refused"}[v]
}

// Entry is what is known of one annotation, for pages, reports and Events.
type Entry struct {
	Name     string // without a prefix
	Verdict  Verdict
	OursOnly bool // ingress-nginx has none of the name
	Protects bool // where it can't be kept, the routes answer 503

	// Of one that is honoured, in Markdown.
	Expects string
	Means   string
	Differs string

	// Of one that is not.
	Why     string // completes "it is … here, because"
	Instead string // what to do; "" where nothing is to be done
}

// Table returns the entry of every annotation that is honoured, and of every one
// that ingress-nginx 1.15 has or once had, by name.
var Table = sync.OnceValue(func() []Entry {
	var table []Entry
	for _, row := range policyRows() {
		table = append(table, row.entry())
	}
	for _, v := range nginxnames.AllUnhonoured() {
		e := Entry{Name: v.Name, Verdict: Meaningless, Protects: v.Protects, Why: v.Why, Instead: v.Instead}
		if v.Refused {
			e.Verdict = Refused
		}
		table = append(table, e)
	}
	slices.SortFunc(table, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return table
})

// Of returns the entry of an annotation by its key, with the prefix of ours or of
// ingress-nginx; false for any other key, and for one that neither knows.
func Of(key string) (Entry, bool) {
	name, ok := policyName(key)
	if !ok {
		return Entry{}, false
	}
	table := Table()
	i, found := slices.BinarySearchFunc(table, name, func(e Entry, name string) int { return strings.Compare(e.Name, name) })
	if !found {
		return Entry{}, false
	}
	return table[i], true
}

// IsNginx reports whether the key has the prefix of ingress-nginx.
func IsNginx(key string) bool { return strings.HasPrefix(key, nginxPrefix) }

func (r *row) entry() Entry {
	e := Entry{Name: r.name, Protects: r.protects, OursOnly: !nginxnames.Has(r.name), Expects: r.expects, Means: r.means, Differs: r.differs}
	if r.differs != "" {
		e.Verdict = Differs
	}
	return e
}

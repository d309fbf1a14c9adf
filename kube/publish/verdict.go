package publish

import (
	"reflect"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
)

// verdict contains the problems of a name's records, in any view; nil: none.
type verdict struct {
	withheld bool // none is published
	problems []gatelodge.Problem
}

func (v *verdict) withholds() bool { return v != nil && v.withheld }

// wrong lists the problems of a verdict, which may be nil.
func (v *verdict) wrong() []gatelodge.Problem {
	if v == nil {
		return nil
	}
	return v.problems
}

// judge updates the verdicts for the names that changed.
func (v *Views) judge(changed follow.Dirty[gatelodge.Name], last gatelodge.Map[gatelodge.Name, *verdict]) gatelodge.Map[gatelodge.Name, *verdict] {
	edit := last.Edit()
	for name := range changed {
		var now *verdict
		if granted := v.grants.Names.Get(name); granted != nil && granted.IsPublished() {
			now = v.verdictOn(granted)
		}
		if before := edit.Get(name); before == nil || now == nil || !reflect.DeepEqual(before, now) {
			edit.Set(name, now)
		}
	}
	return edit.Map()
}

func (v *Views) verdictOn(granted *claims.Grant) *verdict {
	zone, ok := v.plans.of(granted.Name)
	if !ok {
		return nil // published elsewhere
	}
	for _, plan := range v.plans[zone] {
		cut, ok := plan.cutAbove(granted.Name)
		if in := granted.In(plan.view); !ok || !in.IsPublished() {
			continue
		}
		why := "is delegated in the configuration, so its name servers answer for %s, not this gateway"
		if cut.dname != "" {
			why = "has a DNAME record in the configuration, which redirects all names below it, including %s"
		}
		below := withhold(granted, gatelodge.BadRecord, "%s gets no records: %s "+why, granted.Name, cut.at, granted.Name)
		below.withheld = false // a zone handles that itself, in the views with the cut
		return below
	}
	if label, base, _ := strings.Cut(string(granted.Name), "."); label == claims.ProofLabels()[0] {
		if other := v.tenants.otherAt(gatelodge.Name(base), granted.Namespace()); other != "" {
			return withhold(granted, gatelodge.NameReserved,
				"%s gets no records: namespace %s has names at or below %s, and a CA would issue certificates for those too to where the CNAME leads", granted.Name, other, base)
		}
	}
	return nil
}

// withhold returns the verdict that nothing of the name is published, with a problem
// for each of its objects.
func withhold(g *claims.Grant, reason gatelodge.Reason, format string, args ...any) *verdict {
	v := &verdict{withheld: true}
	if g.Leader != nil {
		v.problems = append(v.problems, *intent.Refuse(g.Leader, reason, format, args...))
	}
	for _, e := range g.Entries {
		v.problems = append(v.problems, *intent.Refuse(e.By, reason, format, args...))
	}
	return v
}

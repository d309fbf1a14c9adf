package publish

import (
	"cmp"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
)

// tenants contains which namespaces own the names below a name.
type tenants struct {
	grants *claims.Grants
	below  gatelodge.Map[tenancy, int] // the number of names below it of a namespace
}

// tenancy is a name, and a namespace that has names below it.
type tenancy struct {
	name      gatelodge.Name
	namespace string
}

func (t tenancy) Compare(other tenancy) int {
	return cmp.Or(t.name.Compare(other.name), strings.Compare(t.namespace, other.namespace))
}

// countTenants processes the names that are granted.
func (v *Views) countTenants(last *Views) tenants {
	before := last.tenants
	if before.grants == nil || !v.plans.sameZones(last.plans) {
		before = tenants{grants: &claims.Grants{}}
	}
	edit := before.below.Edit()
	count := func(name gatelodge.Name, granted *claims.Grant, add int) {
		if granted == nil {
			return
		}
		for above := range v.plans.above(name) {
			at := tenancy{above, granted.Namespace()}
			edit.Set(at, edit.Get(at)+add)
		}
	}
	for name, change := range v.grants.Names.Changes(before.grants.Names) {
		if change.Before == nil || change.After == nil || change.Before.Namespace() != change.After.Namespace() {
			count(name, change.Before, -1)
			count(name, change.After, +1)
		}
	}
	return tenants{v.grants, edit.Map()}
}

// otherAt returns another namespace that has the name or one below it, or "".
func (t tenants) otherAt(name gatelodge.Name, namespace string) string {
	if granted := t.grants.Names.Get(name); granted != nil && granted.Namespace() != namespace {
		return granted.Namespace()
	}
	for at := range t.below.From(tenancy{name: name}) {
		if at.name != name {
			break
		}
		if at.namespace != namespace {
			return at.namespace
		}
	}
	return ""
}

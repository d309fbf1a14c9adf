package intent

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// tenants contains the annotations of Namespaces about the names of their objects, for
// those that have some.
type tenants struct {
	namespaces objects.Table[*corev1.Namespace]
	list       map[string]annotations.Tenant
	problems   []gatelodge.Problem
}

// readTenants reads the Namespaces. It returns last if they are the same.
func readTenants(objs *objects.Objects, last *tenants) *tenants {
	if last == nil {
		last = &tenants{}
	} else if last.namespaces == objs.Namespaces {
		return last
	}
	t := &tenants{namespaces: objs.Namespaces, list: make(map[string]annotations.Tenant)}
	for _, namespace := range objs.Namespaces.All() {
		tell := func(reason gatelodge.Reason, format string, args ...any) {
			t.problems = append(t.problems, gatelodge.Problem{Object: objs.ObjectOf("Namespace", &namespace.ObjectMeta), Reason: reason, Message: fmt.Sprintf(format, args...)})
		}
		if tenant := annotations.ReadTenant(namespace.Annotations, tell); tenant != (annotations.Tenant{}) {
			t.list[namespace.Name] = tenant
		}
	}
	return t
}

// changes returns the namespaces whose annotations differ from last.
func (t *tenants) changes(last *tenants) []string {
	if t == last {
		return nil
	}
	changed := make(map[string]bool)
	if last != nil {
		for namespace, before := range last.list {
			changed[namespace] = t.list[namespace] != before
		}
	}
	for namespace := range t.list {
		if _, was := changed[namespace]; !was {
			changed[namespace] = true
		}
	}
	maps.DeleteFunc(changed, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(changed))
}

// settle applies the defaults of the tenant to an object; c may be nil.
func (c *Claimant) settle(tenant annotations.Tenant) {
	if c != nil {
		c.tenant = tenant
		c.Contact = cmp.Or(c.Asked.Contact, tenant.Contact)
		c.ShortNames = cmp.Or(c.Asked.ShortNames, tenant.ShortNames)
	}
}

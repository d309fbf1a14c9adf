package compile

import (
	"fmt"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/endpoints"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Asked contains the parts of a Build that explanations need beside its Snapshot. It is
// immutable.
type Asked struct {
	claims.Asked
	backends gatelodge.Map[gatelodge.BackendKey, *backendResult]
}

// Asked returns these parts of the last Build.
func (b *Builder) Asked() Asked {
	if b.last.grants == nil {
		return Asked{}
	}
	return Asked{claims.Asked{Grants: b.last.grants, Reading: b.last.reading}, b.last.backends.results}
}

// Lacking returns why a backend has no endpoints, and "" if it has some or is unknown.
func (a Asked) Lacking(key gatelodge.BackendKey) string {
	r := a.backends.Get(key)
	switch {
	case r == nil || len(r.backend.Endpoints) > 0:
		return ""
	case r.failure != nil:
		return r.failure.message
	case r.externalName != "":
		return fmt.Sprintf("its name %s is not resolved yet", r.externalName)
	}
	b := r.backend
	port, missing := endpoints.FindPort(&intent.BackendRef{Port: objects.ServicePort{Namespace: b.Namespace, Name: b.Service, Port: b.Port}}, r.service)
	switch {
	case missing != "":
		return missing
	case len(r.problems) > 0:
		return r.problems[0].Message
	}
	return endpoints.WhyNone(b.Namespace+"/"+b.Service, port.Name, r.slices)
}

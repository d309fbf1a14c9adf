package kube

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
)

// domainsAnnotation, on a Namespace, lists the names at or below which the
// objects of the namespace may claim names. It is the administrators' word:
// who writes Ingresses has no right to write Namespaces, as a rule.
const domainsAnnotation = ownPrefix + "domains"

// domains is what the Namespaces say of the names that may be claimed in them.
type domains struct {
	namespaces []*corev1.Namespace
	limits     *nameLimits // those of last, if they are the same: most changes of a Namespace are none of names
	problems   []gatelodge.Problem
}

// nameLimits has, for each namespace that may not claim every name, the names
// at or below which it may.
type nameLimits struct {
	byNamespace map[string][]gatelodge.Name
}

func readDomains(objects *Objects, last *domains) *domains {
	if last != nil && slices.Equal(last.namespaces, objects.Namespaces) {
		return last
	}
	d := &domains{namespaces: objects.Namespaces, limits: &nameLimits{make(map[string][]gatelodge.Name)}}
	for _, namespace := range objects.Namespaces {
		if value, ok := namespace.Annotations[domainsAnnotation]; ok {
			d.limits.byNamespace[namespace.Name] = d.read(namespace, value, objects)
		}
	}
	if last != nil && reflect.DeepEqual(last.limits, d.limits) {
		d.limits = last.limits
	}
	return d
}

// read reads the list of one Namespace. What can't be read allows nothing, so
// that a slip of the pen does not lift the limit.
func (d *domains) read(namespace *corev1.Namespace, value string, objects *Objects) (allowed []gatelodge.Name) {
	for item := range strings.SplitSeq(value, ",") {
		name, err := gatelodge.ParseName(strings.TrimSpace(item))
		if err != nil || name.IsWildcard() {
			d.problems = append(d.problems, gatelodge.Problem{
				Object: objects.objectOf("Namespace", &namespace.ObjectMeta), Reason: gatelodge.BadAnnotation,
				Message: fmt.Sprintf("annotation %s: %.60q is no name, expected names separated by commas", domainsAnnotation, strings.TrimSpace(item)),
			})
			continue
		}
		allowed = append(allowed, name)
	}
	return allowed
}

// refuses says why a namespace may not claim the name, and "" if it may.
func (l *nameLimits) refuses(namespace string, name gatelodge.Name) string {
	allowed, limited := l.byNamespace[namespace]
	if !limited || name != "" && slices.ContainsFunc(allowed, name.Within) {
		return ""
	}
	if len(allowed) == 0 {
		return "may have no name"
	}
	return "may have names at or below " + joinNames(allowed) + " only"
}

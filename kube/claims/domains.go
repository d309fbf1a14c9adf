package claims

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// Domains contains the names that may be claimed in each Namespace.
type Domains struct {
	namespaces objects.Table[*corev1.Namespace]
	Limits     *NameLimits // those of last, if they are the same: most changes of a Namespace don't concern names
	Problems   []gatelodge.Problem
}

// NameLimits contains, for each namespace with a limit, the names at or below which it
// may claim names.
type NameLimits struct {
	byNamespace map[string][]gatelodge.Name
}

func ReadDomains(objs *objects.Objects, last *Domains) *Domains {
	if last != nil && last.namespaces == objs.Namespaces {
		return last
	}
	d := &Domains{namespaces: objs.Namespaces, Limits: &NameLimits{make(map[string][]gatelodge.Name)}}
	for _, namespace := range objs.Namespaces.All() {
		if value, ok := namespace.Annotations[annotations.DomainsAnnotation]; ok {
			d.Limits.byNamespace[namespace.Name] = d.read(namespace, value, objs)
		}
		if message := annotations.IneffectiveOnNamespace(namespace.Annotations); message != "" {
			d.Problems = append(d.Problems, gatelodge.Problem{Object: objs.ObjectOf("Namespace", &namespace.ObjectMeta), Reason: gatelodge.UnknownAnnotation, Message: message})
		}
	}
	if last != nil && reflect.DeepEqual(last.Limits, d.Limits) {
		d.Limits = last.Limits
	}
	return d
}

// read reads the list of one Namespace. An invalid item allows nothing, so that a
// typing error does not remove the limit.
func (d *Domains) read(namespace *corev1.Namespace, value string, objs *objects.Objects) (allowed []gatelodge.Name) {
	for item := range strings.SplitSeq(value, ",") {
		name, err := gatelodge.ParseName(strings.TrimSpace(item))
		if err != nil || name.IsWildcard() {
			d.Problems = append(d.Problems, gatelodge.Problem{
				Object: objs.ObjectOf("Namespace", &namespace.ObjectMeta), Reason: gatelodge.BadAnnotation,
				Message: fmt.Sprintf("annotation %s: %.60q is not a valid name%s, expected names separated by commas", annotations.DomainsAnnotation, strings.TrimSpace(item), syntax.WriteInstead(item)),
			})
			continue
		}
		allowed = append(allowed, name)
	}
	return allowed
}

// refuses returns why a namespace may not claim the name, and "" if it may.
func (l *NameLimits) refuses(namespace string, name gatelodge.Name) string {
	allowed, limited := l.byNamespace[namespace]
	if !limited || name != "" && slices.ContainsFunc(allowed, name.Within) {
		return ""
	}
	if len(allowed) == 0 {
		return "may not have any name"
	}
	return "may have names at or below " + JoinNames(allowed) + " only"
}

// JoinNames formats a few names for a message.
func JoinNames(names []gatelodge.Name) string {
	const most = 5
	texts := make([]string, 0, most+1)
	for i, name := range names {
		if i == most {
			texts = append(texts, fmt.Sprintf("%d more", len(names)-most))
			break
		}
		texts = append(texts, string(name))
	}
	return strings.Join(texts, ", ")
}

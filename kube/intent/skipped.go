package intent

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// Skipped returns the Ingresses that have the name in a rule, but are not read by this
// gateway, which is a frequent question of authors.
func (r *Reading) Skipped(name gatelodge.Name) (skipped []gatelodge.PassedOver) {
	if r == nil {
		return nil
	}
	classes, objs := NewClasses(r.classes, r.cfg), objects.Objects{Origins: r.origins}
	for _, source := range r.ingresses.All() {
		if !hasRule(source, name) {
			continue
		}
		if why := classes.whyNot(source); why != "" {
			skipped = append(skipped, gatelodge.PassedOver{Object: objs.ObjectOf("Ingress", &source.ObjectMeta), Why: why})
		}
	}
	return skipped
}

func hasRule(source *networkingv1.Ingress, name gatelodge.Name) bool {
	for i := range source.Spec.Rules {
		if host, err := syntax.RuleHost(source.Spec.Rules[i].Host); err == nil && host == name {
			return true
		}
	}
	return false
}

// whyNot returns why the Ingress is not for this gateway, and "" if it is.
func (c *classes) whyNot(ingress *networkingv1.Ingress) string {
	ours, problem := c.Has(ingress)
	switch {
	case ours:
		return ""
	case problem != "":
		return problem
	case !c.cfg.HasNamespace(ingress.Namespace):
		return fmt.Sprintf("namespace %s is not one of ingress.namespaces", ingress.Namespace)
	case c.cfg.Selector != nil && !c.cfg.Selector.Matches(labels.Set(ingress.Labels)):
		return "its labels don't match ingress.selector"
	}
	if name := c.of(ingress); name != "" {
		return fmt.Sprintf("its class %q is not this gateway's, %s", name, c.known())
	}
	return fmt.Sprintf("it has no class, and there is no default class of this gateway, %s", c.known())
}

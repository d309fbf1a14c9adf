package intent

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// setViews determines the views of the object: those in its annotation, or in that of
// its Namespace, or byDefault, or all that the namespace may use. A view that does not
// exist, or that the namespace may not use, is a problem and left out, and no other
// view replaces it.
func (c *Claimant) setViews(own string, byDefault []string, ofNamespace string, cfg *objects.Config) {
	asked, where := annotations.ReadViews(own), "annotation "+annotations.ViewsAnnotation
	if asked == nil {
		asked, where = annotations.ReadViews(ofNamespace), where+" of namespace "+c.Object.Namespace
	}
	if asked == nil {
		asked, where = byDefault, "the default for the annotation "+annotations.ViewsAnnotation
	}
	var allowed []string
	for i := range cfg.Views {
		if cfg.Views[i].Admits(c.Object.Namespace) {
			allowed = append(allowed, cfg.Views[i].Name)
		}
	}
	in := allowed
	if asked != nil {
		in = slices.DeleteFunc(slices.Clone(allowed), func(view string) bool { return !slices.Contains(asked, view) })
	}
	for _, view := range asked {
		switch {
		case slices.Contains(allowed, view):
		case slices.ContainsFunc(cfg.Views, func(v objects.ViewConfig) bool { return v.Name == view }):
			c.problem(gatelodge.ViewNotAllowed, "%s: namespace %s may not use view %q, write some of: %s", where, c.Object.Namespace, view, listOrNone(allowed))
		default:
			c.problem(gatelodge.BadAnnotation, "%s: there is no view %.60q, write some of: %s", where, view, listOrNone(allowed))
		}
	}
	if asked == nil && len(allowed) == 0 && len(cfg.Views) > 0 {
		c.problem(gatelodge.ViewNotAllowed, "namespace %s may use no view, so nothing of the object is served; views[].namespaces in the configuration lists the namespaces that may", c.Object.Namespace)
	}
	if len(in) < len(cfg.Views) {
		c.Views = append([]string{}, in...)
	}
}

func listOrNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

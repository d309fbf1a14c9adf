package intent

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"gatelodge.dev/kube/objects"
)

// The annotation that named a class before spec.ingressClassName, and the one that
// marks an IngressClass as the default.
const (
	legacyClassAnnotation  = "kubernetes.io/ingress.class"
	DefaultClassAnnotation = networkingv1.AnnotationIsDefaultIngressClass
)

// classes contains which classes exist and which are served by this gateway.
type classes struct {
	cfg       *objects.Config
	Unread    bool            // the classes of others are unknown
	defined   map[string]bool // there is an IngressClass of the name
	Ours      map[string]bool
	classless bool // Ingresses without a class are served

	fallback *networkingv1.IngressClass // that of an Ingress without a class; nil: none
}

// NewClasses determines which IngressClasses are served, by the configuration and by
// their content.
func NewClasses(all objects.Table[*networkingv1.IngressClass], cfg *objects.Config) *classes {
	if !cfg.ReadsClasses() {
		all = objects.Table[*networkingv1.IngressClass]{}
	}
	c := &classes{cfg: cfg, Unread: !cfg.ReadsClasses(), defined: make(map[string]bool), Ours: make(map[string]bool), classless: cfg.WithoutClass}
	for _, name := range cfg.Classes {
		c.Ours[name] = true
	}
	for _, object := range all.All() {
		c.defined[object.Name] = true
		if len(cfg.Classes) == 0 && object.Spec.Controller == cfg.Controller {
			c.Ours[object.Name] = true
		}
		if c.Ours[object.Name] && object.Annotations[DefaultClassAnnotation] == "true" {
			c.classless = true
			if c.fallback == nil || newerClass(object, c.fallback) {
				c.fallback = object
			}
		}
	}
	return c
}

// newerClass returns which of two default classes an Ingress without a class has: the
// newer one, as at the API server, or the first by name.
func newerClass(a, b *networkingv1.IngressClass) bool {
	return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name)) < 0
}

// of returns the name of an Ingress's class, "" for none.
func (c *classes) of(ingress *networkingv1.Ingress) string {
	if name := ingress.Spec.IngressClassName; name != nil {
		return *name
	}
	if name, ok := ingress.Annotations[legacyClassAnnotation]; ok {
		return name
	}
	if c.fallback != nil {
		return c.fallback.Name
	}
	return ""
}

// Has reports whether the Ingress is served by this gateway. The author of an Ingress
// of an undefined class gets a problem.
//
// The annotation never needed an IngressClass, so an unknown name in it may be another
// controller's.
func (c *classes) Has(ingress *networkingv1.Ingress) (ours bool, problem string) {
	if !c.cfg.HasNamespace(ingress.Namespace) || c.cfg.Selector != nil && !c.cfg.Selector.Matches(labels.Set(ingress.Labels)) {
		return false, ""
	}
	if name := ingress.Spec.IngressClassName; name != nil {
		if !c.Ours[*name] && !c.defined[*name] && !c.Unread {
			return false, fmt.Sprintf("there is no IngressClass %q, %s", *name, c.known())
		}
		return c.Ours[*name], ""
	}
	if name, ok := ingress.Annotations[legacyClassAnnotation]; ok {
		return c.Ours[name], ""
	}
	return c.classless, ""
}

// known lists the classes for a message.
func (c *classes) known() string {
	names := make([]string, 0, len(c.Ours))
	for name := range c.Ours {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "and none is of this gateway"
	}
	return fmt.Sprintf("this gateway's are %q", names)
}

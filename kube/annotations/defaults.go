package annotations

import (
	"maps"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// Defaults is the annotations that Ingresses have unless they say otherwise: those
// of the configuration, and before them those of a class. It is never written.
type Defaults struct {
	annotations map[string]string // by name
	unavailable string            // why the class's routes can't be served; "": they can
}

// NoDefaults returns those of a class whose defaults are not known. Its routes can't
// be served where unavailable says why, and have no defaults where it is "".
func NoDefaults(unavailable string) *Defaults {
	return &Defaults{annotations: map[string]string{}, unavailable: unavailable}
}

// ReadDefaults reads those of a class from the values of its ConfigMap, or those of
// the configuration. What they don't say is as in base, nil for nothing.
func ReadDefaults(values map[string]string, base *Defaults, tell Report) *Defaults {
	d := NoDefaults("")
	if base != nil {
		maps.Copy(d.annotations, base.annotations)
	}
	scratch := &Asked{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		name := strings.TrimPrefix(key, OwnPrefix)
		if slices.Contains(ofOneIngress(), name) {
			tell(gatelodge.BadParameters, "annotation %s is about one Ingress and can't be a default of a class", key)
			continue
		}
		scratch.honour(key, name, values[key], tell)
		if _, ok := values[currentName(name)]; ok && name != currentName(name) {
			continue
		}
		delete(d.annotations, currentName(name)) // of base, by whatever name
		delete(d.annotations, olderName(name))
		d.annotations[name] = values[key]
	}
	return d
}

// ofOneIngress lists the annotations that are about names, certificates and whose
// requests an Ingress gets, which are not a policy of routes.
func ofOneIngress() []string {
	names := []string{"server-alias", "from-to-www-redirect", "share-host-with", "short-names", "contact", "ssl-passthrough", "acme", "mirror-target"}
	for _, row := range canaryRows() {
		names = append(names, row.name)
	}
	return names
}

// apply sets what the annotations of an Ingress don't, before those are read. Snippets
// hold together with its own. What is wrong with a
// default was told where it stands.
func (d *Defaults) apply(a *Asked, own map[string]string) {
	if d == nil {
		return
	}
	if d.unavailable != "" {
		a.deny(d.unavailable)
	}
	told := func(gatelodge.Reason, string, ...any) {}
	for _, name := range slices.Sorted(maps.Keys(d.annotations)) {
		if decisive(own, name) == "" || name == "server-snippet" || name == "configuration-snippet" {
			a.honour(name, name, d.annotations[name], told)
		}
	}
	a.authURLByClass = a.externalAuth.url != nil && decisive(own, "auth-url") == ""
}

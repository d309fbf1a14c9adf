package cluster

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// maxNamedSecrets limits the Secrets of a namespace that are watched one by one,
// because the authors of its Ingresses decide on their number.
const maxNamedSecrets = 100

// secretWants contains the Secrets that served Ingresses name and that the feeds of
// type kubernetes.io/tls do not have: those of another type, and missing ones. It also
// contains the ConfigMaps that they name.
type secretWants struct {
	claimants  intent.Claimants
	configured []objects.Key                         // named by the configuration
	known      []objects.Table[*corev1.Secret]       // of the feeds
	uses       follow.Index[objects.Key, intent.Key] // the Ingresses that name a Secret
	missing    gatelodge.Map[objects.Key, bool]      // used, but unknown

	readers    follow.Index[objects.Key, intent.Key] // the Ingresses that name a ConfigMap
	configMaps gatelodge.Map[objects.Key, bool]      // named ConfigMaps
}

// after returns the needs of later claimants and another configuration, given the later
// known Secrets.
func (w *secretWants) after(claimants intent.Claimants, configured []objects.Key, known []objects.Table[*corev1.Secret]) *secretWants {
	if len(w.known) != len(known) {
		w = &secretWants{known: make([]objects.Table[*corev1.Secret], len(known))}
	}
	next := &secretWants{claimants: claimants, configured: configured, known: known}
	changed := make(map[objects.Key]bool)
	for _, name := range slices.Concat(w.configured, configured) {
		changed[name] = true
	}
	uses, readers, named := w.uses.Edit(), w.readers.Edit(), make(map[objects.Key]bool)
	for key, change := range claimants.Changes(w.claimants) {
		for name := range secretsOf(change.Before) {
			uses.Set(follow.PairOf(name, key), false)
			changed[name] = true
		}
		for name := range secretsOf(change.After) {
			uses.Set(follow.PairOf(name, key), true)
			changed[name] = true
		}
		for name := range configMapsOf(change.Before) {
			readers.Set(follow.PairOf(name, key), false)
			named[name] = true
		}
		for name := range configMapsOf(change.After) {
			readers.Set(follow.PairOf(name, key), true)
			named[name] = true
		}
	}
	for i, table := range known {
		for name, change := range table.Changes(w.known[i]) {
			if change.Before == nil || change.After == nil {
				changed[name] = true
			}
		}
	}
	next.uses = uses.Map()
	missing := w.missing.Edit()
	for name := range changed {
		missing.Set(name, next.isUsed(name) && !next.knows(name))
	}
	next.missing = missing.Map()
	next.readers = readers.Map()
	configMaps := w.configMaps.Edit()
	for name := range named {
		used := false
		for range follow.Of(next.readers, name) {
			used = true
			break
		}
		configMaps.Set(name, used)
	}
	next.configMaps = configMaps.Map()
	return next
}

// configMapsOf lists the ConfigMaps that a claimant, which may be nil, names.
func configMapsOf(claimant *intent.Claimant) map[objects.Key]bool {
	names := make(map[objects.Key]bool)
	if claimant != nil {
		for _, name := range claimant.ConfigMapNames() {
			names[objects.Key{Namespace: claimant.Object.Namespace, Name: name}] = true
		}
	}
	return names
}

// configMapFeeds returns the feeds of the ConfigMaps that Ingresses name.
func (w *secretWants) configMapFeeds() (keys []feedKey, problems []gatelodge.Problem) {
	count := make(map[string]int)
	for name := range w.configMaps.All() {
		if len(validation.IsDNS1123Subdomain(name.Name)) > 0 {
			continue
		}
		count[name.Namespace]++
		switch n := count[name.Namespace]; {
		case n <= maxNamedSecrets:
			keys = append(keys, feedKey{kind: "ConfigMap", namespace: name.Namespace, name: name.Name})
		case n == maxNamedSecrets+1:
			problems = append(problems, gatelodge.Problem{
				Object: gatelodge.Object{Kind: "Namespace", Name: name.Namespace}, Reason: gatelodge.SourceFailed,
				Message: fmt.Sprintf("its Ingresses name more than %d ConfigMaps; the others, from %s on, are not read", maxNamedSecrets, name.Name),
			})
		}
	}
	return keys, problems
}

// secretsOf lists the Secrets that a claimant, which may be nil, names.
func secretsOf(claimant *intent.Claimant) map[objects.Key]bool {
	names := make(map[objects.Key]bool)
	if claimant != nil {
		for _, name := range claimant.SecretNames() {
			if name != "" {
				names[objects.Key{Namespace: claimant.Object.Namespace, Name: name}] = true
			}
		}
	}
	return names
}

func (w *secretWants) isUsed(name objects.Key) bool {
	if slices.Contains(w.configured, name) {
		return name.Name != ""
	}
	for range follow.Of(w.uses, name) {
		return true
	}
	return false
}

func (w *secretWants) knows(name objects.Key) bool {
	return slices.ContainsFunc(w.known, func(table objects.Table[*corev1.Secret]) bool { return table.Get(name) != nil })
}

// feeds returns the feeds of the Secrets that are watched by name: those that the
// configuration names, and then, by name, those of Ingresses.
func (w *secretWants) feeds() (keys []feedKey, problems []gatelodge.Problem) {
	count := make(map[string]int)
	add := func(name objects.Key) {
		key := feedKey{kind: "Secret", namespace: name.Namespace, name: name.Name}
		if len(validation.IsDNS1123Subdomain(name.Name)) > 0 {
			return
		}
		count[name.Namespace]++
		switch n := count[name.Namespace]; {
		case n <= maxNamedSecrets:
			keys = append(keys, key)
		case n == maxNamedSecrets+1:
			problems = append(problems, gatelodge.Problem{
				Object: gatelodge.Object{Kind: "Namespace", Name: name.Namespace},
				Reason: gatelodge.SourceFailed,
				Message: fmt.Sprintf("its Ingresses name more than %d Secrets that are missing or not of type kubernetes.io/tls; the others, from %s on, are not read",
					maxNamedSecrets, name.Name),
			})
		}
	}
	for i, name := range w.configured {
		if w.missing.Get(name) && !slices.Contains(w.configured[:i], name) {
			add(name)
		}
	}
	for name := range w.missing.All() {
		if !slices.Contains(w.configured, name) {
			add(name)
		}
	}
	return keys, problems
}

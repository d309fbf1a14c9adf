package cluster

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// maxNamedSecrets bounds the Secrets of a namespace that are watched one by
// one, because whoever may write an Ingress there decides on their number.
const maxNamedSecrets = 100

// secretWants is the Secrets that our Ingresses name and that the lists of
// Secrets of type kubernetes.io/tls do not hold: those of another type, and
// those that are missing.
type secretWants struct {
	ours  []*intent.Claimant
	known [][]metav1.Object // sorted by namespace and name
	names [][]objects.Key   // of each in ours; nil for most
}

// wantSecrets takes from last what Ingresses want that did not change.
func wantSecrets(ours []*intent.Claimant, known [][]metav1.Object, last *secretWants) *secretWants {
	if last == nil || !slices.EqualFunc(last.known, known, objects.SameSlice) {
		last = &secretWants{}
	}
	w := &secretWants{ours: ours, known: known, names: make([][]objects.Key, len(ours))}
	places := objects.Matches(last.ours, ours)
	for i, in := range ours {
		if at := places[i]; at >= 0 {
			w.names[i] = last.names[at]
		} else {
			w.names[i] = w.missing(in)
		}
	}
	return w
}

// missing lists the Secrets that an Ingress names and that are not known.
func (w *secretWants) missing(in *intent.Claimant) (names []objects.Key) {
	add := func(secret string) {
		name := objects.Key{Namespace: in.Object.Namespace, Name: secret}
		if secret != "" && !w.knows(name) {
			names = append(names, name)
		}
	}
	for _, secret := range in.SecretNames() {
		add(secret)
	}
	return names
}

func (w *secretWants) knows(name objects.Key) bool {
	return slices.ContainsFunc(w.known, func(list []metav1.Object) bool {
		_, found := searchObject(list, name.Namespace, name.Name)
		return found
	})
}

// feeds are those of the Secrets that are watched by name.
func (w *secretWants) feeds(cfg *objects.Config) (keys []feedKey, problems []gatelodge.Problem) {
	seen := make(map[objects.Key]bool)
	count := make(map[string]int)
	add := func(name objects.Key) {
		if name.Name == "" || seen[name] || len(validation.IsDNS1123Subdomain(name.Name)) > 0 {
			return
		}
		seen[name] = true
		count[name.Namespace]++
		switch n := count[name.Namespace]; {
		case n <= maxNamedSecrets:
			keys = append(keys, feedKey{kind: secretFeed, namespace: name.Namespace, name: name.Name})
		case n == maxNamedSecrets+1:
			problems = append(problems, gatelodge.Problem{
				Object: gatelodge.Object{Kind: "Namespace", Name: name.Namespace},
				Reason: gatelodge.SourceFailed,
				Message: fmt.Sprintf("its Ingresses name more than %d Secrets that are missing or not of type kubernetes.io/tls; the others, from %s on, are not read",
					maxNamedSecrets, name.Name),
			})
		}
	}
	configured := slices.Clone(cfg.DefaultCertificates)
	if cfg.ACME != nil {
		configured = append(configured, cfg.ACME.BindingSecret)
	}
	for _, name := range configured {
		if !w.knows(name) {
			add(name)
		}
	}
	for _, names := range w.names {
		for _, name := range names {
			add(name)
		}
	}
	return keys, problems
}

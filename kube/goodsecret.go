package kube

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// GoodSecrets is the TLS Secrets as certificates could last be read from them.
// Whoever replaces a certificate by something that is none has the old one
// served on, and a problem to read. A Secret that is deleted is not remembered:
// to delete it is the way to have it served no longer.
type GoodSecrets struct {
	byName map[types.NamespacedName]*corev1.Secret
}

// of returns the Secret of this name, nil for none.
func (g *GoodSecrets) of(name types.NamespacedName) *corev1.Secret {
	if g == nil {
		return nil
	}
	return g.byName[name]
}

// Good returns the Secrets that the last Build could read certificates from,
// those of earlier ones included that it was given. As Objects.Good of the next
// Build they make it remember.
func (b *Builder) Good() *GoodSecrets {
	s := b.last.secrets
	if s == nil {
		return nil
	}
	if s.found != nil && s.foundOf == len(s.keyPairs) {
		return s.found
	}
	good := &GoodSecrets{byName: make(map[types.NamespacedName]*corev1.Secret, len(s.keyPairs))}
	for name, pair := range s.keyPairs {
		if pair.from != nil {
			good.byName[name] = pair.from
		}
	}
	s.found, s.foundOf = good, len(s.keyPairs)
	return good
}

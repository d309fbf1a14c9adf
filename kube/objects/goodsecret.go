package objects

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// GoodSecrets is the TLS Secrets as certificates could last be read from them.
// Whoever replaces a certificate by something that is none has the old one
// served on, and a problem to read. A Secret that is deleted is not remembered:
// to delete it is the way to have it served no longer.
type GoodSecrets struct {
	ByName map[types.NamespacedName]*corev1.Secret
}

// Of returns the Secret of this name, nil for none.
func (g *GoodSecrets) Of(name types.NamespacedName) *corev1.Secret {
	if g == nil {
		return nil
	}
	return g.ByName[name]
}

package compile

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// A certificate that cert-manager left in a Secret, and that no Ingress of the host
// requests from it any more, is handed over: the gateway replaces it before it expires.
// The Secret is not changed. Its Certificate object, which the gateway does not read,
// may still let cert-manager renew it; then the Secret's is served again.

// isHandedOver reports whether a Secret, named by an Ingress for which the gateway
// orders certificates, is cert-manager's.
func isHandedOver(secret *corev1.Secret) bool {
	_, ok := secret.Annotations[objects.CertificateName]
	return ok
}

// handedOver returns the newest certificate of the host that is handed over; nil if a
// Secret has another usable one, or an Ingress of the host turns ordering off.
func (r *hostResult) handedOver(covering []*gatelodge.Certificate) (newest *gatelodge.Certificate) {
	var handed []*gatelodge.Certificate
	for _, in := range r.shares {
		if in.Object.Namespace != r.owner {
			continue
		}
		if in.Asked.ACME == annotations.ACMENo {
			return nil
		}
		handed = append(handed, in.handed...)
	}
	for _, c := range covering {
		switch {
		case c.Source != gatelodge.FromSecret || c.Flaw != nil:
		case !slices.Contains(handed, c):
			return nil
		case newest == nil || c.NotBefore.After(newest.NotBefore):
			newest = c
		}
	}
	return newest
}

// isReplacement reports whether the gateway got a certificate for the host after the
// one that is handed over. Of the two the newer one is served, not the one that expires
// later, because the new one may have a shorter lifetime.
func (r *hostResult) isReplacement(c *gatelodge.Certificate) bool {
	return r.handed != nil && c.Source == gatelodge.FromACME && slices.Contains(c.Names, r.host.Name) && c.NotBefore.After(r.handed.NotBefore)
}

// takeOver starts the renewal of a certificate from the one that is handed over, unless
// the gateway's own has replaced it. With acme: "true" it is renewed at the usual time.
// Otherwise cert-manager has the time in which it renews, by default until a third of
// the lifetime is left, and a host for which nothing can be ordered has no problem yet.
func (n *issuing) takeOver(i *gatelodge.Issuance) {
	r := n.hosts.Get(i.Name)
	if len(i.Askers) == 0 || r == nil || r.handed == nil || i.Certificate != nil && r.isReplacement(i.Certificate) {
		return
	}
	if top := n.wildcardOver(i.Name); top != nil && !n.wantsItsOwn(r, top) {
		return // its siblings have no Secret
	}
	late := !slices.ContainsFunc(r.requests, func(request certificateRequest) bool { return request.explicit })
	if late && len(i.Challenges) == 0 {
		i.Askers = []gatelodge.Object{}
		return
	}
	i.Certificate, i.Elsewhere, i.Late, i.Adopted, i.Directory, i.Window = r.handed, true, late, false, "", nil
	if late {
		end, lifetime := r.handed.NotAfter, r.handed.NotAfter.Sub(r.handed.NotBefore)
		i.Window = &gatelodge.RenewalWindow{Start: end.Add(-lifetime / 8), End: end.Add(-lifetime / 10)}
	} else if item := n.stored.ByKey.Get(i.Key()); item != nil {
		if other := item.Issuance.Elsewhere; other != nil && other.Fingerprint == r.handed.Fingerprint {
			i.Window = &other.RenewalWindow
		}
	}
}

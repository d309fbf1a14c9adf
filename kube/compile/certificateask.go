package compile

import (
	"crypto/x509"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// leftOpen contains the defaults of a request to the CA.
func (n *issuing) leftOpen() objects.CertificateAsk {
	return objects.CertificateAsk{KeyTypes: n.cfg.ACME.KeyTypes.OrDefault()}
}

// wildcardOver returns the configured wildcard for a name and all its siblings, the one
// for the fewest names; nil if none is configured.
func (n *issuing) wildcardOver(name gatelodge.Name) (over *objects.ACMEWildcard) {
	parent := wildcardFor(name).Parent()
	for i := range n.cfg.ACME.Wildcards {
		top := &n.cfg.ACME.Wildcards[i]
		if parent.Within(top.Name) && (over == nil || top.Name.Within(over.Name)) {
			over = top
		}
	}
	return over
}

// wildcardFor returns the wildcard that covers a name, the name itself if it is one.
func wildcardFor(name gatelodge.Name) gatelodge.Name {
	if name.IsWildcard() {
		return name
	}
	return name.Wildcard()
}

// wantsItsOwn reports whether the Ingresses of a host ask for another certificate than
// the configured one that its siblings share.
func (n *issuing) wantsItsOwn(r *hostResult, top *objects.ACMEWildcard) bool {
	shared := top.Ask.Or(n.leftOpen())
	return len(r.requests) > 0 && !r.host.Name.IsWildcard() && r.ownAsk().Or(shared) != shared
}

// ownAsk returns what the Ingresses of the host ask for by annotation; for each setting
// the oldest decides.
func (r *hostResult) ownAsk() (ask objects.CertificateAsk) {
	for _, in := range r.shares {
		if in.Object.Namespace == r.owner {
			ask = ask.Or(in.Asked.Certificate)
		}
	}
	return ask
}

// tellOtherAsks reports to Ingresses that ask for other certificates for the host than
// an older Ingress.
func (r *hostResult) tellOtherAsks() {
	ask := r.ownAsk()
	for _, in := range r.shares {
		other := in.Asked.Certificate
		if in.Object.Namespace != r.owner || len(r.requests) == 0 {
			continue
		}
		if other.KeyTypes != ask.KeyTypes && other.KeyTypes != (gatelodge.KeyTypes{}) {
			r.problem(in, gatelodge.RuleTaken, "annotation %sacme-key-type has no effect for host %s, for which an older Ingress asks for %s: write the same", annotations.OwnPrefix, r.host.Name, ask.KeyTypes)
		}
		if other.Profile != ask.Profile && other.Profile != "" {
			r.problem(in, gatelodge.RuleTaken, "annotation %sacme-profile has no effect for host %s, for which an older Ingress asks for %s: write the same", annotations.OwnPrefix, r.host.Name, ask.Profile)
		}
	}
}

// kindsOf returns the key types of the two certificates for a name, in the order of
// gatelodge.KeysOf, "" for one that is not requested. An existing certificate keeps its
// place, so that another order in the configuration causes no order at the CA.
func (n *issuing) kindsOf(name gatelodge.Name, asked gatelodge.KeyTypes) gatelodge.KeyTypes {
	var has [2]x509.PublicKeyAlgorithm // zero means no certificate
	for at, key := range gatelodge.KeysOf(name) {
		if item := n.stored.ByKey.Get(key); item != nil && item.Certificate != nil {
			has[at] = item.Certificate.Algorithm
		}
	}
	return placeKinds(asked, has)
}

// placeKinds is kindsOf with the algorithms of the existing certificates.
func placeKinds(asked gatelodge.KeyTypes, has [2]x509.PublicKeyAlgorithm) gatelodge.KeyTypes {
	exchanged := gatelodge.KeyTypes{asked[1], asked[0]}
	first := asked[0].Algorithm()
	switch {
	case asked[1] != "" && (has[0] == asked[1].Algorithm() || has[0] == 0 && has[1] == first),
		asked[1] == "" && has[1] != 0 && (has[0] == 0 || has[0] != first && has[1] == first):
		return exchanged
	}
	return asked
}

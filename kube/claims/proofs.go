package claims

import gatelodge "gatelodge.dev"

// ProofLabels begin the names at which CAs look for a proof of control of the
// name after it, and so for a certificate of it and of all names below it. At all
// but the first addresses mean nothing, and are left to wildcards; what stands
// there proves control for as long as it stands.
func ProofLabels() []string {
	return []string{
		"_acme-challenge",          // RFC 8555 §8.4
		"_validation-persist",      // draft-ietf-acme-dns-persist
		"_validation-contactemail", // CA/Browser Forum Baseline Requirements, appendix A.2
		"_validation-contactphone",
		"_dnsauth", // DigiCert's
	}
}

// hasSay returns the namespace that proves control of a name: the one that has
// it, or the wildcard that matches it, or else the wildcard below it.
func (c *Claims) hasSay(base gatelodge.Name) (namespace string) {
	for _, name := range []gatelodge.Name{base, base.Wildcard(), "*." + base} {
		if namespace == "" && name != "" {
			namespace = c.rulings.Get(name).Namespace()
		}
	}
	return namespace
}

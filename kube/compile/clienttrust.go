package compile

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// unknownAuthorities is the reason why no client is accepted.
const unknownAuthorities = "whom to trust for client certificates is not known"

// resolveClientAuth looks up the trusted CAs. Without them no client is accepted.
func (r *resolved) resolveClientAuth(s *secretReader, objs *objects.Objects) {
	ask := &r.Asked.ClientAuth
	r.clientAuth = &gatelodge.ClientAuth{Object: r.Object, Unavailable: unknownAuthorities}
	if ask.Broken {
		return
	}
	name := r.Object.Namespace + "/" + ask.Secret
	secret := s.of(r.Claimant, ask.Secret)
	if secret == nil {
		r.problem(gatelodge.SecretMissing, "there is no Secret %s, which auth-tls-secret names", name)
		return
	}
	read := s.trustOf(secret, ask.Depth)
	trust := read.trust
	if read.err != nil {
		r.problem(gatelodge.BadSecret, "Secret %s, which auth-tls-secret names, %v", name, read.err)
		return
	}
	for _, crl := range trust.Revocations {
		if crl.NextUpdate.IsZero() {
			continue // it has no next update
		}
		r.until = earliest(objs.Now, r.until, crl.NextUpdate)
		if !objs.Now.Before(crl.NextUpdate) {
			r.problem(gatelodge.BadSecret, "the CRL of %s in Secret %s expired at %s; clients of that CA are refused until it is replaced",
				crl.Issuer, name, crl.NextUpdate.UTC().Format(time.RFC3339))
		}
	}
	mode := ask.Mode
	if mode == "" {
		mode = gatelodge.ClientAuthOn
	}
	r.clientAuth = &gatelodge.ClientAuth{
		Object: r.Object, Trust: trust, Mode: mode, Subject: ask.Subject,
		ErrorPage: ask.ErrorPage, PassCertificate: ask.Pass,
	}
}

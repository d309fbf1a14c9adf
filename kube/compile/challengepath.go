package compile

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/snippets"
)

// challengePath is where CAs request the responses to http-01 challenges (RFC 8555
// §8.3), in clear text and without credentials or a certificate.
const challengePath = "/.well-known/acme-challenge"

// policyFor returns the policy for a path of an Ingress on this host. A path at or
// below challengePath is for CAs, so it needs nothing that they lack: neither HTTPS nor
// a password, as in ingress-nginx (no-tls-redirect-locations, no-auth-locations), nor a
// client certificate, and the host's server-snippet does not apply. Requests for such a
// path that a shorter one serves, such as "/", need what that path needs. Paths in
// no-auth-locations need neither users nor services.
func (r *hostResult) policyFor(in *resolved, path string) *gatelodge.Policy {
	policy := r.policyOf(in)
	challenge := path == challengePath || strings.HasPrefix(path, challengePath+"/")
	unasked := slices.ContainsFunc(in.Asked.NoAuth, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
	if !challenge && (!unasked || policy.BasicAuth == nil && policy.ExternalAuth == nil) {
		return policy
	}
	open := *policy
	open.BasicAuth, open.ExternalAuth = nil, nil
	if !challenge {
		return &open
	}
	open.Redirect = gatelodge.RedirectNever
	open.RedirectTo, open.AppRoot, open.Rewrite = nil, "", nil
	open.Snippet = snippets.Snippet(nil, in.Asked.Snippets.Location)
	open.AnyClientCertificate = r.host.ClientAuth != nil
	return &open
}

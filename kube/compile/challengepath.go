package compile

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/snippets"
)

// challengePath is where CAs ask for responses to http-01 challenges (RFC 8555
// §8.3), in clear text and without credentials or a certificate.
const challengePath = "/.well-known/acme-challenge"

// policyFor returns the policy for a path of an Ingress on this host. A path that
// is itself at or below challengePath is for CAs, so nothing is asked there that
// they don't have: neither HTTPS nor a password, as in ingress-nginx
// (no-tls-redirect-locations, no-auth-locations), nor a client certificate, and the
// request goes to the backend as it is, past the host's server-snippet. What is asked
// for at a shorter path, such as "/", stays for all that this has. At the paths of
// no-auth-locations, neither users nor services are asked for.
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

package compile

import (
	"fmt"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// decideClientAuth determines the client certificate rule of the host from those of its
// Ingresses. The oldest in the owner's namespace decides, so that guests can't shut the
// owner out. Ingresses with another rule are not served.
func (r *hostResult) decideClientAuth() {
	for _, in := range r.shares {
		rule := in.clientAuth
		if rule == nil {
			continue
		}
		have := r.host.ClientAuth
		switch {
		case have == nil && in.Object.Namespace == r.owner:
			r.host.ClientAuth = rule
			continue
		case have != nil && sameRule(have, rule):
			continue
		case rule.Unavailable != "": // its author has a problem already
		case have == nil:
			r.problem(in, gatelodge.RuleTaken, "%s is granted to namespace %s, whose Ingresses ask for no client certificates; these routes need them and answer 503",
				intent.HostName(r.host.Name), r.owner)
		default:
			r.problem(in, gatelodge.RuleTaken, "%s has another rule for client certificates, by %s; these routes answer 503",
				intent.HostName(r.host.Name), have.Object)
		}
		r.refuse(in, "its rule for client certificates is not the host's")
	}
}

// refuse makes the routes of an Ingress unavailable on this host.
func (r *hostResult) refuse(in *resolved, why string) {
	policy := *in.policy
	if policy.Unavailable == "" {
		policy.Unavailable = why
	}
	if r.refused == nil {
		r.refused = make(map[*resolved]*gatelodge.Policy)
	}
	r.refused[in] = &policy
}

func (r *hostResult) policyOf(in *resolved) *gatelodge.Policy {
	if policy := r.refused[in]; policy != nil {
		return r.underServer(in, policy)
	}
	return r.underServer(in, in.policy)
}

// sameRule reports whether two rules are the same, even if different objects ask for them.
func sameRule(a, b *gatelodge.ClientAuth) bool {
	if a.Unavailable != "" || b.Unavailable != "" {
		return a.Unavailable == b.Unavailable
	}
	return a.Trust.Key == b.Trust.Key && a.Mode == b.Mode &&
		a.ErrorPage == b.ErrorPage && a.PassCertificate == b.PassCertificate &&
		fmt.Sprint(a.Subject) == fmt.Sprint(b.Subject)
}

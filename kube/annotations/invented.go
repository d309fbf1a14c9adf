package annotations

import (
	"strings"

	"gatelodge.dev/kube/nginxnames"
)

// isInvented reports whether a key has ingress-nginx's prefix and a name that
// ingress-nginx does not have, so that it had no effect there.
func isInvented(key string) bool {
	name, ok := strings.CutPrefix(key, nginxPrefix)
	return ok && !nginxnames.Has(name) && nginxnames.UnhonouredByName()[name] == nil && !isOfClass(name)
}

// whyInvented says why such an annotation has no effect, and what has.
func whyInvented(key string) string {
	name, why := strings.TrimPrefix(key, nginxPrefix), "ingress-nginx 1.15 does not read it either"
	if instead := nginxnames.Instead()[name]; instead != "" {
		why += "; " + instead
	} else if policies()[name] != nil {
		why += "; write " + OwnPrefix + name
	}
	return why
}

package budget

import (
	"golang.org/x/net/publicsuffix"

	"gatelodge.dev"
)

// RegisteredDomain is what a registry sold, of which a name is a part: the public
// suffix (https://publicsuffix.org) and the label before it. A name that is a public
// suffix itself, or has one label, stands for itself.
func RegisteredDomain(name gatelodge.Name) string {
	host := validated(name)
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return host
	}
	return domain
}

// validated is the name that a CA validates (RFC 8555 §7.1.4): that of a wildcard is
// the one below its asterisk.
func validated(name gatelodge.Name) string {
	if name.IsWildcard() {
		return string(name.Parent())
	}
	return string(name)
}

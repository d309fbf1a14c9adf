package syntax

import (
	"fmt"
	"net/netip"

	gatelodge "gatelodge.dev"
)

// RuleHost reads the host of a rule: a name, a wildcard below a name, or
// nothing for every host.
func RuleHost(host string) (gatelodge.Name, error) {
	if host == "" {
		return "", nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", fmt.Errorf("host %q is an address, expected a name", host)
	}
	name, err := ParseName(host)
	if err != nil {
		return "", err
	}
	if name == "*" {
		return "", fmt.Errorf(`host "*" has no name below the wildcard; leave the host out to match every host`)
	}
	return name, nil
}

package syntax

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

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

// MaxNames bounds the names that one object is read for.
const MaxNames = 5000

// ReadNames reads names separated by commas. Those that are names count, whatever
// stands beside them.
func ReadNames(value string) (names []gatelodge.Name, err error) {
	known := make(map[gatelodge.Name]bool)
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		name, wrong := RuleHost(item)
		switch {
		case item == "":
			wrong = errors.New("holds an empty item")
		case wrong != nil:
			wrong = fmt.Errorf("holds %.60q, which is not a valid host name%s", item, WriteInstead(item))
		case len(names) == MaxNames:
			wrong = fmt.Errorf("holds more than %d names", MaxNames)
		case !known[name]:
			known[name] = true
			names = append(names, name)
		}
		if err == nil {
			err = wrong
		}
	}
	return names, err
}

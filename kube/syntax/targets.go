package syntax

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	gatelodge "gatelodge.dev"
)

// ReadTargets reads what names resolve to, separated by commas: addresses, or one
// name. The error completes a sentence that begins with the text.
func ReadTargets(value string) (addresses []netip.Addr, alias gatelodge.Name, err error) {
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if address, err := netip.ParseAddr(item); err == nil {
			if address.Zone() != "" {
				return nil, "", fmt.Errorf("holds address %q with a zone", item)
			}
			addresses = append(addresses, address.Unmap())
			continue
		}
		name, err := ParseTarget(item)
		switch {
		case err != nil:
			return nil, "", fmt.Errorf("holds %.60q, which is neither an address nor a name%s", item, WriteInstead(item))
		case alias != "" && alias != name:
			return nil, "", errors.New("holds more than one name")
		}
		alias = name
	}
	if alias != "" && len(addresses) > 0 {
		return nil, "", errors.New("holds both addresses and a name")
	}
	return addresses, alias, nil
}

// ReadNamespaces reads names of namespaces, separated by commas. The error completes
// a sentence that begins with the text.
func ReadNamespaces(value string) (namespaces []string, err error) {
	for item := range strings.SplitSeq(value, ",") {
		namespace := strings.TrimSpace(item)
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			return nil, fmt.Errorf("holds %.60q, which is not a valid namespace name", namespace)
		}
		namespaces = append(namespaces, namespace)
	}
	return namespaces, nil
}

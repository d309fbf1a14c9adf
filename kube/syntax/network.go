package syntax

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	gatelodge "gatelodge.dev"
)

// ReadNetwork reads an address or a network. Bits of an address behind the network's
// mean nothing, as in nginx.
func ReadNetwork(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if address, wrong := netip.ParseAddr(text); wrong == nil {
		prefix, err = address.Prefix(address.BitLen())
	}
	if err != nil {
		return prefix, errors.New("is not a valid address or network")
	}
	if address, bits := prefix.Addr(), prefix.Bits()-96; address.Is4In6() && bits >= 0 {
		prefix = netip.PrefixFrom(address.Unmap(), bits) // as clients' addresses are
	}
	return prefix, nil
}

// ReadNetworks reads addresses and networks separated by commas. Bits of an
// address behind the network's mean nothing, as in ingress-nginx.
func ReadNetworks(value string) (gatelodge.Networks, error) {
	var prefixes []netip.Prefix
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		prefix, err := ReadNetwork(item)
		if err != nil {
			return nil, fmt.Errorf("holds %.60q, which %w", item, err)
		}
		prefixes = append(prefixes, prefix)
	}
	return gatelodge.NetworksOf(prefixes...), nil
}

package syntax

import (
	"errors"
	"net/netip"
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

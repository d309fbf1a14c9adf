package objects

import (
	"net/netip"
	"slices"
)

// Staying returns the addresses that are not withdrawn, and those of a family of which
// none would be left.
func Staying(addresses, leaving []netip.Addr) []netip.Addr {
	leaves := func(a netip.Addr) bool { return slices.Contains(leaving, a) }
	if !slices.ContainsFunc(addresses, leaves) {
		return addresses
	}
	return slices.DeleteFunc(slices.Clone(addresses), func(a netip.Addr) bool {
		return leaves(a) && slices.ContainsFunc(addresses, func(b netip.Addr) bool { return b.Is4() == a.Is4() && !leaves(b) })
	})
}

// SortedAddresses returns the addresses in order and without duplicates, in a new
// slice.
func SortedAddresses(addresses []netip.Addr) []netip.Addr {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}

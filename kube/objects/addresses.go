package objects

import (
	"net/netip"
	"slices"
)

// SortedAddresses returns the addresses in order and without duplicates, in a
// slice of their own.
func SortedAddresses(addresses []netip.Addr) []netip.Addr {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}

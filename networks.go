package gatelodge

import (
	"net/netip"
	"slices"
	"strings"
)

// Networks is a set of addresses, as sorted prefixes of which no two overlap or
// could be merged, so equal sets are equal slices. Nil is the empty set. A Networks
// is immutable.
type Networks []netip.Prefix

// NetworksOf returns the set of all addresses in the prefixes.
func NetworksOf(prefixes ...netip.Prefix) Networks {
	sorted := make([]netip.Prefix, len(prefixes))
	for i, p := range prefixes {
		sorted[i] = p.Masked()
	}
	slices.SortFunc(sorted, netip.Prefix.Compare)
	var set Networks
	for _, p := range sorted {
		if n := len(set); n > 0 && set[n-1].Contains(p.Addr()) {
			continue
		}
		set = append(set, p).join()
	}
	return set
}

// join merges the last two prefixes for as long as they are the halves of a larger one.
func (n Networks) join() Networks {
	for len(n) >= 2 {
		low, high := n[len(n)-2], n[len(n)-1]
		whole, err := low.Addr().Prefix(low.Bits() - 1)
		if err != nil || low.Bits() != high.Bits() || !whole.Contains(high.Addr()) {
			break
		}
		n = append(n[:len(n)-2], whole)
	}
	return n
}

// Contains reports whether the address is in the set, ignoring its IPv6 zone. An
// IPv4-mapped IPv6 address does not match IPv4 prefixes.
func (n Networks) Contains(address netip.Addr) bool {
	address = address.WithZone("")
	i, found := slices.BinarySearchFunc(n, address, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	return found || i > 0 && n[i-1].Contains(address)
}

// IsEverything reports whether the set contains every IPv4 and every IPv6 address.
func (n Networks) IsEverything() bool {
	return len(n) == 2 && n[0].Bits() == 0 && n[1].Bits() == 0
}

// String returns the prefixes, separated by commas.
func (n Networks) String() string {
	texts := make([]string, len(n))
	for i, p := range n {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

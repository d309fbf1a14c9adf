package objects

import (
	"fmt"
	"net/netip"
	"slices"
)

// CheckAddress returns why no traffic may go to an address, whatever object names it;
// nil if it may. Teams write addresses into objects, and the gateway reaches networks
// that their pods may not.
func (c *Config) CheckAddress(address netip.Addr) error {
	for _, meant := range append(embedded(address), address) {
		switch {
		case meant.IsLoopback() && !c.LoopbackEndpoints:
			return fmt.Errorf("%s is a loopback address, which is refused", address)
		case meant.IsLinkLocalUnicast():
			return fmt.Errorf("%s is a link-local address, which is refused", address)
		case slices.Contains(metadataAddresses(), meant):
			return fmt.Errorf("%s is the address of a cloud's metadata service, which is refused", address)
		case !isOneHost(meant):
			return fmt.Errorf("%s is not the address of a single host", address)
		}
	}
	return nil
}

// isOneHost reports whether an address can be that of a host. 0.0.0.0/8 is this
// host itself (RFC 1122 §3.2.1.3), 240.0.0.0/4 is reserved and holds the
// broadcast address (RFC 1112 §4, RFC 919 §7).
func isOneHost(address netip.Addr) bool {
	if address.Is4() {
		first := address.As4()[0]
		return first != 0 && first < 224
	}
	return !address.IsUnspecified() && !address.IsMulticast()
}

// metadataAddresses are the addresses, in addition to link-local ones, at which clouds
// give a machine its credentials: Amazon's and Google's over IPv6, Scaleway's, Azure's,
// Alibaba's and Oracle's.
func metadataAddresses() []netip.Addr {
	return []netip.Addr{
		netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("fd00:42::42"),
		netip.MustParseAddr("168.63.129.16"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192"),
	}
}

// embedded returns the IPv4 addresses that an IPv6 address may be translated to:
// NAT64's (RFC 6052 §2.1 and §2.2, RFC 8215), 6to4's (RFC 3056 §2), and IPv4-compatible
// or IPv4-mapped ones (RFC 4291 §2.5.5).
func embedded(address netip.Addr) (found []netip.Addr) {
	if !address.Is6() {
		return nil
	}
	b := address.As16()
	at := func(places ...int) {
		var v4 [4]byte
		for i, place := range places {
			v4[i] = b[place]
		}
		found = append(found, netip.AddrFrom4(v4))
	}
	switch {
	case address.Is4In6(), within(address, "64:ff9b::/96"):
		at(12, 13, 14, 15)
	case within(address, "::/96") && !address.IsUnspecified() && !address.IsLoopback():
		at(12, 13, 14, 15)
	case within(address, "2002::/16"):
		at(2, 3, 4, 5)
	case within(address, "64:ff9b:1::/48"): // with a prefix of 48, 56, 64 or 96 bits
		at(6, 7, 9, 10)
		at(7, 9, 10, 11)
		at(9, 10, 11, 12)
		at(12, 13, 14, 15)
		// If the prefix is not of that length, these are parts of the prefix or the
		// suffix, which are usually zero.
		found = slices.DeleteFunc(found, func(v4 netip.Addr) bool { return v4.As4()[0] == 0 })
	}
	return found
}

func within(address netip.Addr, prefix string) bool {
	return netip.MustParsePrefix(prefix).Contains(address)
}

package crl

import (
	"crypto/x509"
	"net/netip"
	"net/url"
)

// maxURL limits the length of a URL, in octets.
const maxURL = 1024

// URLOf returns the URL of the CRL that a certificate names (RFC 5280 §4.2.1.13), the
// first that can be fetched over HTTP; "" for none. Certificates with a short
// lifetime have none.
func URLOf(certificate *x509.Certificate) string {
	for _, text := range certificate.CRLDistributionPoints {
		u, err := url.Parse(text)
		if err == nil && len(text) <= maxURL && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil {
			return u.String()
		}
	}
	return ""
}

// isAllowed reports whether a CRL may be fetched from an address: a public one, or
// one in the given networks. The URL is another's, and must not lead to what only
// this machine can reach.
func isAllowed(address netip.Addr, networks []netip.Prefix) bool {
	address = address.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(address) {
			return true
		}
	}
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	for _, n := range special {
		if n.Contains(address) {
			return false
		}
	}
	return true
}

// special are the networks of the registries of RFC 6890 that are not on the public
// Internet, or that lead to IPv4 addresses, but for those that netip knows.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
}

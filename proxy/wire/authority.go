package wire

import (
	"net/netip"
	"strings"
)

// IsAuthority reports whether s is a host and perhaps a port, with only the
// characters that names and addresses are made of (RFC 9110 §7.2). There is no
// user information in it, and it is not empty.
func IsAuthority(s string) bool {
	if strings.HasPrefix(s, "[") {
		address, port, closed := strings.Cut(s[1:], "]")
		ip, err := netip.ParseAddr(address)
		return closed && err == nil && ip.Is6() && ip.Zone() == "" && validPort(port)
	}
	host, port := s, ""
	if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i:]
	}
	for i := range len(host) {
		c := host[i]
		if !IsDigit(c) && !isLetter(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return host != "" && validPort(port)
}

// validPort accepts a colon and up to five digits, or nothing.
func validPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !IsDigit(s[i]) {
			return false
		}
	}
	return true
}

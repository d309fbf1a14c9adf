package proxy

import (
	"net/netip"
	"strings"

	gatelodge "gatelodge.dev"
)

// canonicalHost returns the name in a Host field or :authority in the form in which
// routes, certificates and policies are compared: lower case, without port and
// trailing dot (RFC 9110 §4.2.3). An IP address is returned like a name, since only
// the host for all names can match it; so is the empty host that HTTP/1.0 allows.
// It does not allocate if authority is already canonical.
func canonicalHost(authority string) (host gatelodge.Name, ok bool) {
	name, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && i > strings.LastIndexByte(authority, ']') {
		name, port = authority[:i], authority[i+1:]
	}
	if !isPort(port) {
		return "", false
	}
	if strings.HasPrefix(name, "[") {
		address, err := netip.ParseAddr(strings.TrimSuffix(name[1:], "]"))
		return gatelodge.Name(name), err == nil && address.Is6() && strings.HasSuffix(name, "]")
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) > gatelodge.MaxNameLength {
		return "", false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == '.' && i > 0 && name[i-1] != '.':
		default:
			return "", false
		}
	}
	return gatelodge.Name(strings.ToLower(name)), true
}

// isPort reports whether s may follow the colon of an authority. It may be empty
// (RFC 3986 §3.2.3).
func isPort(s string) bool {
	if len(s) > 5 {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

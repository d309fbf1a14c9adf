package http1

import (
	"net/netip"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// splitTarget reads the request target in its four forms (RFC 9112 §3.2).
func splitTarget(ex *exchange.Exchange, h *head, target string) error {
	if ex.Method == "CONNECT" {
		return &malformed{501, "CONNECT is not offered"}
	}
	if err := hostField(ex, h); err != nil {
		return err
	}
	switch {
	case target[0] == '/':
	case target == "*" && ex.Method == "OPTIONS":
		ex.Path = target
		return nil
	default:
		var err error
		if target, err = absoluteForm(ex, h, target); err != nil {
			return err
		}
	}
	path, _, query := strings.Cut(target, "?")
	ex.Path = path
	if query {
		ex.Query = target[len(path):]
	}
	if !escapesWell(path) {
		return badf("request target: a %% in the path is not followed by two hexadecimal digits")
	}
	return nil
}

// hostField takes the authority from Host, which HTTP/1.1 requires (RFC 9112
// §3.2) and which may be there only once.
func hostField(ex *exchange.Exchange, h *head) error {
	switch {
	case h.hosts > 1:
		return badf("there are %d Host fields", h.hosts)
	case h.hosts == 0 && ex.Version == exchange.HTTP10:
		return nil
	case h.hosts == 0:
		return badf("there is no Host field")
	case !validAuthority(h.host):
		return badf("Host %q: expected a host name or address, and a port if need be", h.host)
	}
	ex.Authority = h.host
	return nil
}

// absoluteForm takes scheme and authority off a target like http://host/path.
// It has to agree with the connection and with Host: a proxy before us and a
// server behind us could each believe a different one.
func absoluteForm(ex *exchange.Exchange, h *head, target string) (string, error) {
	scheme, rest, found := strings.Cut(target, "://")
	if !found {
		return "", badf("request target %q: expected a path", abridge([]byte(target)))
	}
	if !strings.EqualFold(scheme, ex.Scheme) {
		return "", badf("request target: its scheme is not %s, which this connection is for", ex.Scheme)
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	if !validAuthority(authority) {
		return "", badf("request target: %q is no host", authority)
	}
	if h.hosts > 0 && !strings.EqualFold(authority, h.host) {
		return "", badf("request target: its host %q is not that of Host, %q", authority, h.host)
	}
	ex.Authority = authority
	switch rest = rest[len(authority):]; {
	case rest == "":
		return "/", nil
	case rest[0] == '?':
		return "/" + rest, nil
	}
	return rest, nil
}

// escapesWell tells whether every % of a path begins an escape (RFC 3986 §2.1).
func escapesWell(path string) bool {
	for {
		i := strings.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 || !isHex(path[i+1]) || !isHex(path[i+2]) {
			return false
		}
		path = path[i+3:]
	}
}

// validAuthority tells whether s is a host and perhaps a port, with only the
// characters that names and addresses are made of (RFC 9110 §7.2). There is no
// user information in it, and it is not empty.
func validAuthority(s string) bool {
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
		if !isDigit(c) && !isLetter(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return host != "" && validPort(port)
}

// validPort takes a colon and up to five digits, or nothing.
func validPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) > 6 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

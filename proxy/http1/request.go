package http1

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// parseRequest reads a whole request head into ex (RFC 9112 §3) and tells
// through h what the connection has to know. It may have up to so many fields;
// secure is whether it came over TLS.
func parseRequest(ex *exchange.Exchange, h *head, raw []byte, fields int, secure bool) error {
	end := bytes.IndexByte(raw, '\n')
	target, err := requestLine(ex, raw[:end-1])
	if err != nil {
		return err
	}
	if err := h.parse(raw[end+1:], ofRequest, fields); err != nil {
		return err
	}
	ex.Scheme = "http"
	if secure {
		ex.Scheme = "https"
	}
	if err := splitTarget(ex, h, target); err != nil {
		return err
	}
	return requestBodyOf(ex, h)
}

// requestLine reads "METHOD target HTTP/1.1", with one space between each.
func requestLine(ex *exchange.Exchange, line []byte) (target string, err error) {
	method, rest, _ := strings.Cut(text(line), " ")
	target, version, found := strings.Cut(rest, " ")
	if !found || !isToken(method) || target == "" {
		return "", badf("request line %q: expected method, target and version with one space between them", abridge(line))
	}
	switch version {
	case "HTTP/1.1":
		ex.Version = exchange.HTTP11
	case "HTTP/1.0":
		ex.Version = exchange.HTTP10
	default:
		if len(version) == 8 && version[:5] == "HTTP/" && isDigit(version[5]) && version[6] == '.' && isDigit(version[7]) {
			return "", &malformed{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"}
		}
		return "", badf("request line %q: expected a version like HTTP/1.1 at its end", abridge(line))
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '#' {
			return "", badf("request target: it has the character 0x%02x", c)
		}
	}
	ex.Method = method
	return target, nil
}

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

// spareFields is how many fields a handler can add before the list of a pooled
// request has to be allocated anew.
const spareFields = 16

// requestBodyOf works out how the request's body is framed, and what the
// request wants of the connection.
func requestBodyOf(ex *exchange.Exchange, h *head) error {
	switch {
	case h.chunked && ex.Version == exchange.HTTP10:
		return badf("HTTP/1.0 has no Transfer-Encoding") // RFC 9112 §6.1
	case h.chunked:
		ex.Length = -1
	default:
		ex.Length = max(h.length, 0)
	}
	h.fields = slices.Grow(h.fields, spareFields)
	ex.Header = h.fields
	if ex.Version == exchange.HTTP10 {
		return nil
	}
	if h.expects > 0 {
		if h.expects > 1 || !strings.EqualFold(h.expect, "100-continue") {
			return &malformed{417, "Expect: only 100-continue can be met"}
		}
		ex.Waits = ex.Length != 0
	}
	// A server may ignore an Upgrade (RFC 9110 §7.8). One to h2c would let
	// requests past every rule of ours; one with a body or a choice has no use.
	if h.upgrading && h.upgrades == 1 && ex.Length == 0 && isProtocol(h.upgrade) && !strings.EqualFold(h.upgrade, "h2c") {
		ex.Upgrade = strings.ToLower(h.upgrade)
	}
	return nil
}

// isProtocol tells whether s is one protocol of an Upgrade field: a token, or
// two with a slash between them.
func isProtocol(s string) bool {
	name, version, several := strings.Cut(s, "/")
	return isToken(name) && (!several || isToken(version))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

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
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		end := max(strings.IndexByte(s, ']'), 1)
		if address, err := netip.ParseAddr(s[1:end]); err != nil || !address.Is6() || address.Zone() != "" {
			return false
		}
		host, port = "", s[end+1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i:]
		if host == "" {
			return false
		}
	} else if s == "" {
		return false
	}
	for i := range len(host) {
		c := host[i]
		if lower := c | 0x20; !isDigit(c) && (lower < 'a' || lower > 'z') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	if port == "" {
		return true
	}
	if port[0] != ':' || len(port) > 6 {
		return false
	}
	for i := 1; i < len(port); i++ {
		if !isDigit(port[i]) {
			return false
		}
	}
	return true
}

package http1

import (
	"strings"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// splitTarget parses the request target in its four forms (RFC 9112 §3.2).
func splitTarget(ex *exchange.Exchange, h *head, target string) error {
	if ex.Method == "CONNECT" {
		return wire.Statusf(501, "CONNECT is not offered")
	}
	if err := hostField(ex, h); err != nil {
		return err
	}
	if target[0] != '/' && (target != "*" || ex.Method != "OPTIONS") {
		var err error
		if target, err = absoluteForm(ex, h, target); err != nil {
			return err
		}
	}
	return wire.SplitTarget(ex, target)
}

// hostField takes the authority from Host, which HTTP/1.1 requires (RFC 9112
// §3.2) and which must not be repeated.
func hostField(ex *exchange.Exchange, h *head) error {
	switch {
	case h.hosts > 1:
		return wire.Badf("there are %d Host fields", h.hosts)
	case h.hosts == 0 && ex.Version == exchange.HTTP10:
		return nil
	case h.hosts == 0:
		return wire.Badf("there is no Host field")
	case !wire.IsAuthority(h.host):
		return wire.Badf("Host %q: expected a host name or address, and a port if need be", h.host)
	}
	ex.Authority = h.host
	return nil
}

// absoluteForm removes scheme and authority from a target like http://host/path.
// They have to agree with the connection and with Host: a proxy in front of us and
// a server behind us could each use a different one.
func absoluteForm(ex *exchange.Exchange, h *head, target string) (string, error) {
	scheme, rest, found := strings.Cut(target, "://")
	if !found {
		return "", wire.Badf("request target %q: expected a path", wire.Abridge([]byte(target)))
	}
	if !strings.EqualFold(scheme, ex.Scheme) {
		return "", wire.Badf("request target: its scheme is not %s, which this connection is for", ex.Scheme)
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	if !wire.IsAuthority(authority) {
		return "", wire.Badf("request target: %q is not a valid host", authority)
	}
	if h.hosts > 0 && !strings.EqualFold(authority, h.host) {
		return "", wire.Badf("request target: its host %q is not that of Host, %q", authority, h.host)
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

package proxy

import (
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// identify finds the client's address, its scheme and the request's ID: the
// peer's own, unless it is a trusted proxy that forwards a client's.
func (r *request) identify() {
	r.trusted = contains(r.table.settings.Trust.Forwarded, r.x.Conn.Peer.Addr())
	if !r.trusted {
		r.id = newID()
		return
	}
	if client, ok := rightmostUntrusted(r.x.Header, r.table.settings.Trust.Forwarded); ok {
		r.x.Client = netip.AddrPortFrom(client, 0)
	}
	if proto := r.x.Header.Get("x-forwarded-proto"); proto == "http" || proto == "https" {
		r.scheme = proto
	}
	if r.id = r.x.Header.Get("x-request-id"); !isID(r.id) {
		r.id = newID()
	}
}

// rightmostUntrusted returns the last address in X-Forwarded-For that is not a
// trusted proxy's: what is left of it is only what that client claims. If all are
// trusted, it returns the first.
func rightmostUntrusted(header exchange.Fields, trusted []netip.Prefix) (client netip.Addr, ok bool) {
	for i := len(header) - 1; i >= 0; i-- {
		if header[i].Name != "x-forwarded-for" {
			continue
		}
		for rest, more := header[i].Value, true; more; {
			var item string
			item, rest, more = cutLast(rest)
			address, err := parseAddress(item)
			if err != nil {
				return client, ok // what is left of it is untrusted
			}
			client, ok = address, true
			if !contains(trusted, address) {
				return client, ok
			}
		}
	}
	return client, ok
}

// cutLast cuts the last item off a comma-separated list.
func cutLast(list string) (item, rest string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return list, "", false
	}
	return list[i+1:], list[:i], true
}

// parseAddress parses an address with or without a port. It drops a zone, which
// may be any text and has no meaning on another machine.
func parseAddress(s string) (netip.Addr, error) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	address, err := netip.ParseAddr(s)
	return address.Unmap().WithZone(""), err
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// forwardedFields replaces the fields about the sender of the request by what we
// know, and drops fields with underscores in their names, which many backends
// take for hyphens.
func (r *request) forwardedFields() {
	x := r.x
	peer := x.Conn.PeerText
	chain, proto, host, port := peer, r.scheme, x.Authority, ""
	fields := r.fields[:0]
	for _, f := range x.Header {
		switch {
		case strings.IndexByte(f.Name, '_') >= 0:
		case !isForwarded(f.Name):
			fields = append(fields, f)
		case !r.trusted:
		case isClientField(f.Name):
			if r.route.host.source.ClientAuth == nil {
				fields = append(fields, f)
			}
		case f.Name == "x-forwarded-for" && chain == peer:
			chain = f.Value + ", " + peer
		case f.Name == "x-forwarded-for":
			chain = strings.TrimSuffix(chain, peer) + f.Value + ", " + peer
		case f.Name == "x-forwarded-host":
			host = f.Value
		case f.Name == "x-forwarded-port":
			port = f.Value
		}
	}
	if port == "" {
		port = r.port()
	}
	client := peer
	if x.Client != x.Conn.Peer {
		client = x.Client.Addr().String()
	}
	fields.Add("x-forwarded-for", chain)
	fields.Add("x-forwarded-host", host)
	fields.Add("x-forwarded-port", port)
	fields.Add("x-forwarded-proto", proto)
	fields.Add("x-real-ip", client)
	fields.Add("x-request-id", r.id)
	fields = r.addClientFields(fields)
	r.fields, x.Header = fields, fields
}

// isForwarded reports whether a field is about the sender of the request.
func isForwarded(name string) bool {
	switch name {
	case "forwarded", "x-real-ip", "x-request-id":
		return true
	}
	return strings.HasPrefix(name, "x-forwarded-") || isClientField(name)
}

// port returns the port that the client used: the listener's public port, or the
// default port of the scheme that a trusted proxy gave.
func (r *request) port() string {
	switch {
	case r.scheme == r.x.Scheme:
		return strconv.Itoa(int(r.x.Conn.Listener.PublicPort))
	case r.scheme == "https":
		return "443"
	}
	return "80"
}

// newID returns an ID for a request: 128 random bits.
func newID() string {
	const digits = "0123456789abcdef"
	var id [32]byte
	for half := range 2 {
		bits := rand.Uint64()
		for i := range 16 {
			id[half*16+i] = digits[bits&15]
			bits >>= 4
		}
	}
	return string(id[:])
}

// isID reports whether a trusted proxy's X-Request-ID may be used.
func isID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

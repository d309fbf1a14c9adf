package proxy

import (
	"iter"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
)

// identify sets the client's address, its scheme and the request's ID. They are those
// of the peer, unless the peer is a trusted proxy.
func (r *request) identify() {
	r.trusted = contains(r.table.settings.Trust.Forwarded, r.x.Conn.Peer.Addr())
	if !r.trusted {
		r.id = newID()
		return
	}
	said := readForwarded(r.x.Header)
	if client, ok := rightmostUntrusted(said.addresses, r.table.settings.Trust.Forwarded); ok {
		r.x.Client = netip.AddrPortFrom(client, 0)
	}
	if scheme := schemeOf(said.proto); scheme != "" {
		r.scheme = scheme
	}
	if _, ok := canonicalHost(said.host); ok {
		r.publicHost = said.host
	}
	if port, err := strconv.ParseUint(said.port, 10, 16); err == nil && port > 0 {
		r.publicPort = said.port
	}
	if r.id = r.x.Header.Get("x-request-id"); !isID(r.id) {
		r.id = newID()
	}
}

// rightmostUntrusted returns the last address that is not a trusted proxy's; everything
// before it is only what that client claims. If all are trusted, it returns the first.
func rightmostUntrusted(fromRight iter.Seq[string], trusted []netip.Prefix) (client netip.Addr, ok bool) {
	for item := range fromRight {
		address, err := parseAddress(item)
		if err != nil {
			return client, ok // everything before it is untrusted
		}
		client, ok = address, true
		if !contains(trusted, address) {
			return client, ok
		}
	}
	return client, ok
}

// schemeOf returns the scheme that a proxy sends. Some send that of a WebSocket, or
// upper case. It is "" for anything else.
func schemeOf(proto string) string {
	switch {
	case strings.EqualFold(proto, "http"), strings.EqualFold(proto, "ws"):
		return "http"
	case strings.EqualFold(proto, "https"), strings.EqualFold(proto, "wss"):
		return "https"
	}
	return ""
}

// parseAddress parses an address with or without a port. It drops a zone, which can be
// any text and has no meaning on another machine.
func parseAddress(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), nil
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
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

// forwardedFields sets the fields about the sender of the request. It drops the
// client's, fields with underscores in their names, which many backends treat as
// hyphens, and Proxy, which CGI programs use as their proxy (httpoxy, CVE-2016-5385).
func (r *request) forwardedFields() {
	x := r.x
	peer := x.Conn.PeerText
	chain, host, port := peer, x.Authority, r.publicPort
	if r.publicHost != "" {
		host = r.publicHost
	}
	fields := r.fields[:0]
	for _, f := range x.Header {
		switch {
		case strings.IndexByte(f.Name, '_') >= 0, f.Name == "proxy":
		case !isForwarded(f.Name):
			fields = append(fields, f)
		case !r.trusted:
		case isClientField(f.Name):
			if r.host.source.ClientAuth == nil {
				fields = append(fields, f)
			}
		case f.Name == "x-forwarded-for" && chain == peer:
			chain = f.Value + ", " + peer
		case f.Name == "x-forwarded-for":
			chain = strings.TrimSuffix(chain, peer) + f.Value + ", " + peer
		}
	}
	if port == "" {
		port = r.port()
	}
	client := peer
	if x.Client != x.Conn.Peer {
		client = x.Client.Addr().String()
		if chain == peer { // the addresses are from Forwarded
			chain = client + ", " + peer
		}
	}
	fields.Add("x-forwarded-for", chain)
	fields.Add("x-forwarded-host", host)
	fields.Add("x-forwarded-port", port)
	fields.Add("x-forwarded-proto", r.scheme)
	fields.Add("x-real-ip", client)
	fields.Add("x-request-id", r.id)
	if prefix := r.route.source.Policy.ForwardedPrefix; prefix != "" {
		fields.Set("x-forwarded-prefix", prefix)
	}
	fields = r.addClientFields(fields)
	if r.route.source.Policy.BasicAuth != nil {
		fields.Del("authorization") // it was for
	}
	if auth := r.route.source.Policy.ExternalAuth; auth != nil {
		fields = r.addAuthFields(fields, auth)
	}
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

// isID reports whether the X-Request-ID of a trusted proxy is usable.
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

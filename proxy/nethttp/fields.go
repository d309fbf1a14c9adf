package nethttp

import (
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// appendFields appends the fields of h that are about the message and not
// about the connection, sorted by name, since a map has lost their order.
func appendFields(fields exchange.Fields, h http.Header) exchange.Fields {
	nominated := h["Connection"]
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if aboutConnection(name) || isNominated(nominated, name) {
			continue
		}
		lower := strings.ToLower(name)
		for _, value := range h[name] {
			fields = append(fields, exchange.Field{Name: lower, Value: value})
		}
	}
	return fields
}

// aboutConnection tells whether the field is for one connection only (RFC 9110
// §7.6.1), or is told by the exchange in another way.
func aboutConnection(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade",
		"Content-Length", "Expect", "Host", "Http2-Settings":
		return true
	}
	return false
}

// isNominated tells whether a Connection field names the field.
func isNominated(connection []string, name string) bool {
	return len(connection) > 0 && hasToken(connection, name)
}

// hasToken tells whether a comma-separated list, in one or more fields, holds
// the token in whatever case.
func hasToken(values []string, token string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(textproto.TrimString(item), token) {
				return true
			}
		}
	}
	return false
}

// wantsTrailers tells whether a TE field asks for trailers (RFC 9110 §10.1.4).
func wantsTrailers(h http.Header) bool {
	return hasToken(h["Te"], "trailers")
}

// addHeader puts copies of fields into h. What net/http is given must not change
// any more: the tables by which HTTP/2 compresses fields (RFC 7541 §2.3.2) keep
// the strings for as long as a connection lives, and an entry that changed under
// them would be sent in place of another request's field.
func addHeader(h http.Header, fields exchange.Fields) {
	for _, f := range fields {
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		if name == f.Name { // then it is no copy
			name = strings.Clone(name)
		}
		h[name] = append(h[name], strings.Clone(f.Value))
	}
}

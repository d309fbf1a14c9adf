package gatelodge

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"regexp"
	"strings"
)

// Host is one name and everything served for it: its routes and certificates. Its
// DNS records are in the Views.
type Host struct {
	Name         Name           // exact, or a wildcard for one label, or "" for every host that no other Host matches
	Owner        string         // namespace that the name was granted to; "": the name is from the configuration
	Contact      string         // e-mail address of the person responsible for the name; "": unknown
	ShortOf      Name           // the long name, if this is its short name; otherwise ""
	Routes       []*Route       // in matching order; hosts with the same routes may share the slice
	Certificates []*Certificate // see Certified
	ClientAuth   *ClientAuth    // nil: clients are not asked for a certificate
	Passthrough  *Route         // one of Routes: TLS connections for this host (by SNI) are passed to its Backend undecrypted; nil: no passthrough
	WantsTLS     bool           // an object asked for TLS, so a missing certificate is a Problem

	// ByView is what the listeners of each view serve instead of this Host, which
	// has the routes of all views. A view without an entry serves nothing for the
	// name. A nil ByView means that all views serve this Host.
	ByView map[string]*Host
}

// In returns what the listeners of the view serve for the name, or nil. It may be
// called on a nil Host.
func (h *Host) In(view string) *Host {
	if h == nil || h.ByView == nil {
		return h
	}
	return h.ByView[view]
}

// HostMap returns a Map of the hosts by name.
func HostMap(hosts ...*Host) Map[Name, *Host] {
	return mapOf(hosts, func(h *Host) Name { return h.Name })
}

// Certified reports whether the host has a certificate that clients can accept.
// Certificates holds those that cover the host and are valid at the Snapshot's
// time, in order of preference, including the configured defaults; two from the
// same source are kept if their key types differ. The chain is not verified. With
// TLS passthrough the backend presents its own certificate.
func (h *Host) Certified() bool {
	return len(h.Certificates) > 0 && h.Passthrough == nil
}

// ClientTrustKey returns the key of the ClientTrust that applies to handshakes for
// the host, or "" if clients are not asked for a certificate.
func (h *Host) ClientTrustKey() string {
	if h.ClientAuth == nil || h.ClientAuth.Trust == nil {
		return ""
	}
	return h.ClientAuth.Trust.Key
}

// PathMatch is how a Route's path is compared with that of a request.
type PathMatch uint8

// The match types, named as in Ingress v1 where it has them.
const (
	PathPrefix     PathMatch = iota // by whole path elements: /a matches /a, /a/ and /a/b, not /ab
	PathExact                       // the same path, in the form of PathForm
	PathPattern                     // regular expression, like ingress-nginx's use-regex
	PathStart                       // string prefix: /a also matches /ab, like nginx's locations
	PathStartFirst                  // like PathStart, but takes precedence over the host's patterns if it is the longest match (nginx's ^~)
)

// String returns the Ingress v1 pathType, or our name for the other types.
func (m PathMatch) String() string {
	switch m {
	case PathExact:
		return "Exact"
	case PathPattern:
		return "Pattern"
	case PathStart:
		return "Start"
	case PathStartFirst:
		return "StartFirst"
	}
	return "Prefix"
}

// Route sends the requests for one path to a Backend, under a Policy.
type Route struct {
	Path    string // starts with "/", in PathForm without dot segments; for a PathPattern, as its author wrote it
	Match   PathMatch
	Pattern *regexp.Regexp // for a PathPattern, matched against the PatternForm of a request's path; otherwise nil
	Backend BackendKey     // a Backend of the same Snapshot; "": Policy.RedirectTo answers
	Canary  *Canary        // gets a part of the requests; nil: none
	Policy  *Policy        // never nil; shared by all routes of one object
	Object  Object         // the object that defines the route
}

// Matches reports whether the route matches a request's path, which must be in
// PathForm without dot segments. A Prefix path is compared element by element, and
// a trailing slash makes no difference, as Ingress v1 defines it.
func (r *Route) Matches(path string) bool {
	switch r.Match {
	case PathExact:
		return path == r.Path
	case PathPattern:
		form := PatternForm(path)
		if r.Pattern != nil {
			return r.Pattern.MatchString(form)
		}
		literal := PatternForm(r.Path)
		return len(form) >= len(literal) && strings.EqualFold(form[:len(literal)], literal)
	case PathStart, PathStartFirst:
		return strings.HasPrefix(path, r.Path)
	}
	prefix := strings.TrimSuffix(r.Path, "/")
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

// BackendProtocol is the protocol that endpoints of a Backend speak.
type BackendProtocol string

// The backend protocols.
const (
	BackendHTTP  BackendProtocol = "http"  // HTTP/1.1 in clear text
	BackendH2C   BackendProtocol = "h2c"   // HTTP/2 with prior knowledge in clear text; gRPC
	BackendHTTPS BackendProtocol = "https" // HTTP/1.1 over TLS
	BackendH2    BackendProtocol = "h2"    // HTTP/2 over TLS, agreed on by ALPN; gRPC
)

// OverTLS reports whether the protocol runs over TLS.
func (p BackendProtocol) OverTLS() bool {
	return p == BackendHTTPS || p == BackendH2
}

// IsHTTP2 reports whether the protocol is HTTP/2.
func (p BackendProtocol) IsHTTP2() bool {
	return p == BackendH2C || p == BackendH2
}

// Backend is a port of a Service, with its endpoints.
type Backend struct {
	Key       BackendKey
	Namespace string
	Service   string
	Port      string // of the Service, as routes refer to it; "": its first port
	Protocol  BackendProtocol
	TLS       *BackendTLS // set if and only if Protocol is over TLS
	Check     HealthCheck // active health check of the endpoints
	Endpoints []Endpoint  // sorted by address; if empty, requests are answered with 503
}

// BackendKey identifies a Backend, in a Snapshot and across Snapshots. It starts
// with "namespace/service:port". Backends that must not share connections have
// different keys.
type BackendKey string

// Compare orders keys as strings.
func (k BackendKey) Compare(other BackendKey) int { return strings.Compare(string(k), string(other)) }

// BackendMap returns a Map of the backends by key.
func BackendMap(backends ...*Backend) Map[BackendKey, *Backend] {
	return mapOf(backends, func(b *Backend) BackendKey { return b.Key })
}

// BackendTLS is the TLS configuration for connections to the endpoints of a
// Backend. A connection is never reused under a different BackendTLS.
type BackendTLS struct {
	ServerName  Name                // SNI sent to the endpoint (RFC 6066 §3); "": none
	Roots       []*x509.Certificate // trusted roots; empty: the endpoint's certificate is not verified
	VerifyName  Name                // name that the endpoint's certificate must be valid for, if it is verified
	Certificate *tls.Certificate    // client certificate, with Leaf set; nil: none; never printed
}

// Endpoint is one address and port of a Backend.
type Endpoint struct {
	Address  netip.AddrPort
	Weight   int  // relative share of the requests; 0 stands for 1
	Draining bool // terminating but still serving: used only if all endpoints of the Backend are draining
}

package gatelodge

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"regexp"
	"strings"
)

// Host is one name and everything that is served for it: its routes and its
// certificates. Its DNS records are in the Views.
type Host struct {
	Name         Name           // exact, or a wildcard for one label, or "" for every host that no other matches
	Owner        string         // the namespace that the name was granted to; "" for one from the configuration
	Contact      string         // the e-mail address of who answers for the name; "" for none given
	ShortOf      Name           // the long name that this is the short one of; "" for any other
	Routes       []*Route       // in the order in which they are tried; hosts with the same ones may share the list
	Certificates []*Certificate // see Certified
	ClientAuth   *ClientAuth    // nil: clients are not asked for certificates
	Passthrough  *Route         // one of Routes, to whose Backend connections over TLS are passed on as they are, by SNI; nil: they are not
	WantsTLS     bool           // an object asked for TLS, so a missing certificate is a Problem

	// ByView is what listeners of each view serve in place of this Host, which has the
	// routes of all views. A view without an entry serves nothing of it; nil: all of
	// them serve this Host.
	ByView map[string]*Host
}

// In returns what listeners of the view serve for the name, nil for nothing. The Host
// may be nil.
func (h *Host) In(view string) *Host {
	if h == nil || h.ByView == nil {
		return h
	}
	return h.ByView[view]
}

// HostMap returns these hosts by name.
func HostMap(hosts ...*Host) Map[Name, *Host] {
	return mapOf(hosts, func(h *Host) Name { return h.Name })
}

// Certified reports whether the host has a certificate that clients can accept:
// one in Certificates, which holds those that cover the host and are valid at
// the Snapshot's time, the preferred one first, the configured defaults
// included. Two from one source are kept where their keys differ in type. The
// chain is not verified. Where connections are passed on, the backend shows its own.
func (h *Host) Certified() bool {
	return len(h.Certificates) > 0 && h.Passthrough == nil
}

// ClientTrustKey is the key of the ClientTrust that a handshake for the host is
// made under, and "" where clients are not asked for a certificate.
func (h *Host) ClientTrustKey() string {
	if h.ClientAuth == nil || h.ClientAuth.Trust == nil {
		return ""
	}
	return h.ClientAuth.Trust.Key
}

// PathMatch says how a Route's path is compared.
type PathMatch uint8

// The ways to compare, named as in Ingress v1.
const (
	PathPrefix     PathMatch = iota // by whole path elements: /a matches /a, /a/ and /a/b, not /ab
	PathExact                       // the same path, in the form of PathForm
	PathPattern                     // by a regular expression, as ingress-nginx's use-regex does
	PathStart                       // by octets: /a matches /ab as well, as nginx's locations do
	PathStartFirst                  // the same, and before the patterns of the host where it is the longest (^~)
)

// String returns the Ingress v1 name of the path type, or one of ours.
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
	Path    string         // starts with "/", in the form of PathForm, without dot segments; a PathPattern's as it was written
	Match   PathMatch      // how Path is compared
	Pattern *regexp.Regexp // of a PathPattern, compared with a PatternForm; nil: Path itself
	Backend BackendKey     // of a Backend in the same Snapshot; "": Policy.RedirectTo answers
	Canary  *Canary        // another Backend for a part of the requests; nil: there is none
	Policy  *Policy        // never nil; shared by the routes of one object
	Object  Object         // the object that asked for the route
}

// Matches reports whether the route is for a request's path, which is in the form
// of PathForm and without dot segments, as Ingress v1 defines it: a Prefix path
// is compared by elements, and a slash at its end changes nothing.
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

// BackendProtocol is what an endpoint speaks.
type BackendProtocol string

// The protocols a Backend can have.
const (
	BackendHTTP  BackendProtocol = "http"  // HTTP/1.1 in clear text
	BackendH2C   BackendProtocol = "h2c"   // HTTP/2 with prior knowledge in clear text; gRPC
	BackendHTTPS BackendProtocol = "https" // HTTP/1.1 over TLS
	BackendH2    BackendProtocol = "h2"    // HTTP/2 over TLS, agreed on by ALPN; gRPC
)

// OverTLS reports whether the protocol is spoken over TLS.
func (p BackendProtocol) OverTLS() bool {
	return p == BackendHTTPS || p == BackendH2
}

// IsHTTP2 reports whether the protocol is HTTP/2.
func (p BackendProtocol) IsHTTP2() bool {
	return p == BackendH2C || p == BackendH2
}

// Backend is a port of a Service with the endpoints that answer for it.
type Backend struct {
	Key       BackendKey
	Namespace string
	Service   string
	Port      string // of the Service, as routes name it; "": its first
	Protocol  BackendProtocol
	TLS       *BackendTLS // set where Protocol is over TLS, nil elsewhere
	Check     HealthCheck // how the endpoints are asked whether they work
	Endpoints []Endpoint  // sorted by address; if there are none, requests are answered with 503
}

// BackendKey is unique in a Snapshot and stable from one Snapshot to the next. It
// starts with "namespace/service:port", and differs wherever connections can't be
// shared.
type BackendKey string

// Compare orders keys as strings.
func (k BackendKey) Compare(other BackendKey) int { return strings.Compare(string(k), string(other)) }

// BackendMap returns these backends by key.
func BackendMap(backends ...*Backend) Map[BackendKey, *Backend] {
	return mapOf(backends, func(b *Backend) BackendKey { return b.Key })
}

// BackendTLS says how TLS is spoken to the endpoints of a Backend. Connections
// that were made under one BackendTLS are not used under another.
type BackendTLS struct {
	ServerName  Name                // sent to the endpoint (SNI, RFC 6066 §3); "": none
	Roots       []*x509.Certificate // the endpoint's certificate must lead to one of them; empty: it is not verified
	VerifyName  Name                // the name that the endpoint's certificate must be for, where it is verified
	Certificate *tls.Certificate    // shown to an endpoint that asks for one, with Leaf set; nil: none; never printed
}

// Endpoint is one address and port of a Backend.
type Endpoint struct {
	Address  netip.AddrPort
	Weight   int  // its share of the requests, compared with those of the others; 0 stands for 1
	Draining bool // on its way out but still answering: chosen only when every endpoint of the Backend is draining
}

package gatelodge

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ExternalAuth has another service decide whether a request passes, as nginx's
// auth_request does: a status of 200 to 299 lets it pass, 401 and 403 refuse it, and
// everything else, no answer included, refuses it with 500.
type ExternalAuth struct {
	Backend BackendKey // of the service; "": the route of the request's own host that Target leads to
	OwnHost Name       // a request of this host has its own route asked as well; "": none
	Secure  bool       // where the own route is asked, the URL is one of https
	Host    string     // the Host field that the service gets; "": the request's host
	Target  Template   // path and query
	Method  string     // "": GET

	SignIn          Template // where a client is sent in place of a 401; nil: nowhere
	RequestRedirect Template // the X-Auth-Request-Redirect that the service gets; nil: path and query of the request

	// ResponseFields are copied from the service's answer into the request that the
	// backend gets, where they replace the client's. In lower case.
	ResponseFields []string
	SetFields      []FieldEdit // of the request that the service gets
	AlwaysCookie   bool        // its cookies are in every response, not only in those of AddHeaderStatuses

	CacheKey Template // what its answers follow from beside the route; nil: each request asks
	CacheFor []AuthCacheRule
}

// AuthCacheRule says for how long the answers of some statuses are kept.
type AuthCacheRule struct {
	Statuses []uint16
	For      time.Duration
}

// CacheTime returns for how long an answer of a status is kept, 0 for not at all. As
// in nginx the first rule that has the status decides.
func (a *ExternalAuth) CacheTime(status int) time.Duration {
	for _, rule := range a.CacheFor {
		if slices.Contains(rule.Statuses, uint16(status)) {
			return rule.For
		}
	}
	return 0
}

// equal reports whether the two ask the same of the same service.
func (a *ExternalAuth) equal(b *ExternalAuth) bool {
	return a == b || a != nil && b != nil && reflect.DeepEqual(a, b)
}

// String lists what is asked for.
func (a *ExternalAuth) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, " external-auth=%s", cmp.Or(a.Method, "GET"))
	if a.Backend == "" {
		fmt.Fprintf(&b, ":own-host:%q", a.Target)
	} else {
		fmt.Fprintf(&b, ":%s:%q host=%q", a.Backend, a.Target, a.Host)
	}
	if a.SignIn != nil {
		fmt.Fprintf(&b, " signin=%q", a.SignIn)
	}
	if a.RequestRedirect != nil {
		fmt.Fprintf(&b, " auth-request-redirect=%q", a.RequestRedirect)
	}
	if len(a.ResponseFields) > 0 {
		fmt.Fprintf(&b, " auth-response-fields=%s", strings.Join(a.ResponseFields, ","))
	}
	for _, e := range a.SetFields { // its value may be a secret
		fmt.Fprintf(&b, " auth-request-field=%s", e.Name)
	}
	if a.AlwaysCookie {
		b.WriteString(" auth-always-set-cookie")
	}
	if a.CacheKey != nil {
		fmt.Fprintf(&b, " auth-cache-key=%q", a.CacheKey)
		for _, rule := range a.CacheFor {
			fmt.Fprintf(&b, " auth-cache=%v:%s", rule.Statuses, rule.For)
		}
	}
	return b.String()
}

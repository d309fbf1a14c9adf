package gatelodge

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ExternalAuth asks another service whether a request may pass, like nginx's
// auth_request: a status of 200 to 299 lets it pass, 401 and 403 refuse it, and
// anything else, or no answer, refuses it with 500.
type ExternalAuth struct {
	Backend BackendKey // the auth service; "": the route of the request's own host that matches Target
	OwnHost Name       // requests for this host ask the host's own route as well; "": no host does
	Secure  bool       // if the host's own route is asked, the URL's scheme is https
	Host    string     // the Host field sent to the service; "": the request's host
	Target  Template   // path and query of the auth request
	Method  string     // "": GET

	SignIn          Template // redirect target in place of a 401; nil: no redirect
	RequestRedirect Template // the X-Auth-Request-Redirect field sent to the service; nil: the request's path and query

	// ResponseFields are copied from the service's answer into the request to the
	// backend, where they replace the client's fields. In lower case.
	ResponseFields []string
	SetFields      []FieldEdit // set in the auth request
	AlwaysCookie   bool        // add the service's cookies to every response, not only to the statuses in AddHeaderStatuses

	CacheKey Template // what answers depend on, apart from the route; nil: answers are not cached
	CacheFor []AuthCacheRule
}

// AuthCacheRule says how long answers with some statuses are cached.
type AuthCacheRule struct {
	Statuses []uint16
	For      time.Duration
}

// CacheTime returns how long an answer with this status is cached, or 0 for not at
// all. As in nginx, the first rule that lists the status decides.
func (a *ExternalAuth) CacheTime(status int) time.Duration {
	for _, rule := range a.CacheFor {
		if slices.Contains(rule.Statuses, uint16(status)) {
			return rule.For
		}
	}
	return 0
}

// equal reports whether a and b make the same request to the same service.
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
	for _, e := range a.SetFields { // the value may be a secret
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

package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// externalAuth is a compiled ExternalAuth.
type externalAuth struct {
	*gatelodge.ExternalAuth
	server *Server
	set    editList
	salt   string // for the keys in the cache, so that answers to different questions are never mixed
}

// externalAuth lets a service decide whether the request passes. The status of its
// answer decides, as with nginx's auth_request.
func (s *Server) externalAuth(p *gatelodge.Policy) step {
	if p.ExternalAuth == nil {
		return nil
	}
	a := &externalAuth{ExternalAuth: p.ExternalAuth, server: s, set: compileEdits(p.ExternalAuth.SetFields, nil), salt: fmt.Sprintf("%#v", *p.ExternalAuth)}
	return a.decide
}

func (a *externalAuth) decide(r *request) *answer {
	switch {
	case r.asking:
		return serverError("auth-url leads to a route that asks a service itself")
	case several(r.x.Header, "authorization"):
		// The backend might use another one than the service.
		return badRequest("more than one Authorization field")
	}
	key := a.cacheKey(r)
	v := a.server.verdicts.get(key, r.started)
	if v == nil {
		var refused *answer
		if v, refused = a.ask(r); refused != nil {
			return refused
		}
		a.server.verdicts.keep(key, v, r.route.source.Object.Namespace, r.started)
	}
	a.addCookies(r, v)
	switch {
	case v.status >= 200 && v.status < 300:
		r.hold().verdict = v
		return nil
	case v.status == 401:
		unauthorized := &answer{status: 401, reason: "external auth: the service answered 401", text: "Unauthorized"}
		for _, challenge := range v.challenges {
			unauthorized.fields.Add("www-authenticate", challenge)
		}
		return unauthorized
	case v.status == 403:
		return forbidden("external auth: the service answered 403")
	}
	return serverError(fmt.Sprintf("the service answered %d, expected 2xx, 401 or 403", v.status))
}

// serverError refuses a request because there is no decision about it.
func serverError(why string) *answer {
	return &answer{status: 500, reason: "external auth: " + why, text: "Internal Server Error"}
}

// addCookies adds the service's cookies to the response, even if the gateway makes it.
func (a *externalAuth) addCookies(r *request, v *verdict) {
	statuses := gatelodge.AddHeaderStatuses
	if a.AlwaysCookie {
		statuses = nil
	}
	for _, cookie := range v.cookies {
		edit := &gatelodge.FieldEdit{Change: gatelodge.AddField, Name: "set-cookie", Statuses: statuses}
		r.response.edits = append(r.response.edits[:len(r.response.edits):len(r.response.edits)], fieldEdit{edit, cookie})
	}
}

// addAuthFields replaces the client's fields with those of the service. If no service
// was asked, the client's fields are only removed.
func (r *request) addAuthFields(fields exchange.Fields, a *gatelodge.ExternalAuth) exchange.Fields {
	for _, name := range a.ResponseFields {
		fields.Del(name)
	}
	r.body.refused = a.ResponseFields
	if r.held != nil && r.held.verdict != nil {
		fields = append(fields, r.held.verdict.fields...)
	}
	return fields
}

// signIn redirects a client to the sign-in page if the step answers 401, as
// ingress-nginx's error_page does. gRPC clients are not redirected, because they can't
// follow.
func signIn(p *gatelodge.Policy, st step) step {
	if st == nil || p.ExternalAuth == nil || p.ExternalAuth.SignIn == nil {
		return st
	}
	return func(r *request) *answer {
		a := st(r)
		if a == nil || a.status != 401 || isGRPC(r.x.Header) {
			return a
		}
		location := r.authText(p.ExternalAuth.SignIn)
		if location == "" {
			return a
		}
		return &answer{status: 302, reason: a.reason, text: "Found", fields: exchange.Fields{{Name: "location", Value: location}}}
	}
}

// admission returns the steps of access control, in their order. If one of them is
// enough, they are combined into the last one.
func (s *Server) admission(p *gatelodge.Policy) (address, password, service step) {
	address, password, service = clientAddress(p), s.basicAuth(p), s.externalAuth(p)
	if p.SatisfyAny {
		return nil, nil, signIn(p, anyOf(p, address, password, service))
	}
	return address, signIn(p, password), signIn(p, service)
}

// anyOf lets a request pass if one of the steps does, as with nginx's "satisfy any".
// Not being in a list of refused addresses is not enough. Of several refusals the
// answer is a 401 if there is one, because the client can react to it; if there are
// several, it has the challenges of all.
func anyOf(p *gatelodge.Policy, address, password, service step) step {
	if address == nil && password == nil && service == nil {
		return nil
	}
	return func(r *request) *answer {
		var refused *answer
		for i, st := range [...]step{address, password, service} {
			if st == nil {
				continue
			}
			switch a := st(r); {
			case a == nil && i == 0 && p.AllowFrom == nil:
			case a == nil:
				return nil
			case a.status != 401 && a.status != 403:
				return a
			case a.status == 401 && refused != nil && refused.status == 401:
				both := *a
				both.fields = slices.Concat(refused.fields, a.fields)
				refused = &both
			case a.status == 401 || refused == nil:
				refused = a
			}
		}
		return refused
	}
}

// authText returns the text of a URL for the request. Path, host and port are those
// that the route was found by, so the service decides about what the backend gets.
// Other text from the client is escaped, so it stays in its part of the URL. The result
// is "" if it would be too long, because a template can repeat the client's text.
func (r *request) authText(t gatelodge.Template) string {
	var b strings.Builder
	for i := range t {
		switch part := &t[i]; part.Value {
		case gatelodge.RequestTarget:
			b.WriteString(r.path + r.x.Query)
		case gatelodge.RequestTargetEscaped:
			b.WriteString(escapeComponent(r.path+r.x.Query, false))
		case gatelodge.RequestAuthority:
			b.WriteString(r.canonicalAuthority())
		case gatelodge.LiteralText, gatelodge.RequestScheme, gatelodge.RequestHost, gatelodge.RequestPath, gatelodge.RequestQuery, gatelodge.RequestQueryMark:
			b.WriteString(r.value(part))
		default:
			b.WriteString(escapeComponent(r.value(part), part.Value == gatelodge.RequestArgument))
		}
		if b.Len() > mostFieldText {
			return ""
		}
	}
	return b.String()
}

// canonicalAuthority returns the host in the form that was looked up, with the client's
// port.
func (r *request) canonicalAuthority() string {
	if i := strings.LastIndexByte(r.x.Authority, ':'); i > strings.LastIndexByte(r.x.Authority, ']') {
		return string(r.name) + r.x.Authority[i:]
	}
	return string(r.name)
}

// escapeComponent escapes all characters that can't be in a URI component, as
// JavaScript's encodeURIComponent and ingress-nginx's set_escape_uri do. If escaped is
// true, s has escapes, which are kept.
func escapeComponent(s string, escaped bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~!'()*", c) >= 0, c == '%' && escaped:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

var errDotSegments = errors.New("what the request puts into the path of auth-url leads out of it")

// authTarget returns path and query of auth-url for the request.
func (r *request) authTarget(t gatelodge.Template) (path, query string, err error) {
	path = r.authText(t)
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i:]
	}
	canonical, err := gatelodge.CanonicalPath(path)
	if err == nil && strings.Count(canonical, "/") != strings.Count(path, "/") {
		err = errDotSegments
	}
	return canonical, query, err
}

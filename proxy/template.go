package proxy

import (
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// dateFormat is that of dates in fields (RFC 9110 §5.6.7).
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// text makes the text of a template for the request. It has to be made before the
// request is forwarded, which changes its path and fields.
func (r *request) text(t gatelodge.Template) string {
	var b strings.Builder
	for i := range t {
		b.WriteString(r.value(&t[i]))
	}
	return b.String()
}

// value returns what a part of a template is for the request, "" for what the
// request does not have.
func (r *request) value(part *gatelodge.TemplatePart) string {
	switch x := r.x; part.Value {
	case gatelodge.LiteralText:
		return part.Text
	case gatelodge.RequestScheme:
		return r.scheme
	case gatelodge.RequestHost:
		return string(r.name)
	case gatelodge.RequestAuthority:
		return x.Authority
	case gatelodge.RequestTarget:
		return r.target()
	case gatelodge.RequestPath:
		return r.path
	case gatelodge.RequestQuery:
		return strings.TrimPrefix(x.Query, "?")
	case gatelodge.RequestQueryMark:
		if len(x.Query) > 1 {
			return "?"
		}
		return ""
	case gatelodge.RequestMethod:
		return x.Method
	case gatelodge.RequestProtocol:
		return x.Version.String()
	case gatelodge.RequestTargetEscaped:
		return escapeComponent(r.target(), false)
	case gatelodge.RequestUser:
		user, _, _ := basicCredentials(x.Header.Get("authorization"))
		if !gatelodge.IsFieldText(user) {
			return ""
		}
		return user
	case gatelodge.RequestID:
		return r.id
	case gatelodge.RequestPort:
		if r.publicPort != "" {
			return r.publicPort
		}
		return r.port()
	case gatelodge.ClientAddress:
		return x.Client.Addr().Unmap().String()
	case gatelodge.RouteNamespace:
		return r.route.series.key.namespace
	case gatelodge.RouteIngress:
		return r.route.series.key.ingress
	case gatelodge.RouteService:
		return r.route.series.key.service
	case gatelodge.RouteServicePort:
		return r.route.servicePort
	case gatelodge.RequestField:
		if part.Text == "upgrade" { // the engine keeps it apart
			return x.Upgrade
		}
		return x.Header.Get(part.Text)
	case gatelodge.RequestCookie:
		return cookieValue(x.Header, part.Text)
	case gatelodge.RequestArgument:
		return argumentValue(x.Query, part.Text)
	case gatelodge.SnippetVariable:
		return r.snippetVariable(part.Text)
	case gatelodge.PatternGroup:
		return r.snippetGroup(part.Text)
	case gatelodge.FutureDate:
		seconds, _ := strconv.Atoi(part.Text) // it was made of a number
		return r.started.Add(time.Duration(seconds) * time.Second).UTC().Format(dateFormat)
	}
	panic("proxy: value " + strconv.Itoa(int(part.Value)) + " of a template is not known")
}

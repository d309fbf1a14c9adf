package proxy

import (
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// redirectTo answers with the redirects of a policy that do not depend on who asks:
// RedirectTo for every path, AppRoot for "/" alone. A route that can't be served
// redirects nowhere.
func redirectTo(p *gatelodge.Policy) step {
	if p.Unavailable != "" {
		return nil
	}
	if to := p.RedirectTo; to != nil {
		return func(r *request) *answer { return redirected(int(to.Status), r.location(to.Location)) }
	}
	if root := p.AppRoot; root != "" {
		return func(r *request) *answer {
			if r.path != "/" {
				return nil
			}
			return redirected(302, r.scheme+"://"+r.x.Authority+root)
		}
	}
	return nil
}

// inClearText is a step for requests without TLS alone.
func inClearText(st step) step {
	if st == nil {
		return nil
	}
	return func(r *request) *answer {
		if r.x.Conn.TLS != nil {
			return nil
		}
		return st(r)
	}
}

func redirected(status int, location string) *answer {
	return &answer{
		status: status,
		reason: "redirect by an annotation",
		text:   wire.Reason(status),
		fields: exchange.Fields{{Name: "location", Value: location}},
	}
}

// location makes the URL of a redirect for the request.
func (r *request) location(l gatelodge.Location) string {
	var b strings.Builder
	for _, part := range l {
		switch part.Value {
		case gatelodge.LiteralText:
			b.WriteString(part.Text)
		case gatelodge.RequestScheme:
			b.WriteString(r.scheme)
		case gatelodge.RequestHost:
			b.WriteString(string(r.name))
		case gatelodge.RequestAuthority:
			b.WriteString(r.x.Authority)
		case gatelodge.RequestTarget:
			b.WriteString(r.x.Path + r.x.Query)
		case gatelodge.RequestPath:
			b.WriteString(r.path)
		case gatelodge.RequestQuery:
			b.WriteString(strings.TrimPrefix(r.x.Query, "?"))
		case gatelodge.RequestQueryMark:
			if len(r.x.Query) > 1 {
				b.WriteString("?")
			}
		}
	}
	return b.String()
}

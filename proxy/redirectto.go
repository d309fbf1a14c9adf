package proxy

import (
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
		return func(r *request) *answer { return redirected(int(to.Status), r.text(to.Location)) }
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

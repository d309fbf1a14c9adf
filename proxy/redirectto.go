package proxy

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// redirectTo answers with the redirects of a policy that do not depend on the client:
// AppRoot for "/" alone, and RedirectTo for every path. A route that can't be served
// redirects nowhere, and on one with a snippet rewritePhase does this.
func redirectTo(p *gatelodge.Policy) step {
	if p.Unavailable != "" || p.Snippet != nil || p.AppRoot == "" && p.RedirectTo == nil {
		return nil
	}
	return func(r *request) *answer {
		if r.held == nil || r.held.snippet == nil { // else the path is no longer the client's
			if refused := r.toAppRoot(p); refused != nil {
				return refused
			}
		}
		return r.redirectedTo(p)
	}
}

// toAppRoot redirects a request for "/" to AppRoot.
func (r *request) toAppRoot(p *gatelodge.Policy) *answer {
	if p.AppRoot == "" || r.path != "/" {
		return nil
	}
	return redirected(302, r.scheme+"://"+r.x.Authority+p.AppRoot)
}

// redirectedTo redirects to RedirectTo.
func (r *request) redirectedTo(p *gatelodge.Policy) *answer {
	if p.RedirectTo == nil {
		return nil
	}
	return redirected(int(p.RedirectTo.Status), r.text(p.RedirectTo.Location))
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

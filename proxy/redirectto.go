package proxy

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// redirectTo answers with the redirects of a policy that do not depend on who asks:
// AppRoot for "/" alone, and RedirectTo for every path. A route that can't be served
// redirects nowhere.
func redirectTo(p *gatelodge.Policy) step {
	if p.Unavailable != "" {
		return nil
	}
	root, to := p.AppRoot, p.RedirectTo
	if root == "" && to == nil {
		return nil
	}
	return func(r *request) *answer {
		switch {
		case root != "" && r.path == "/":
			return redirected(302, r.scheme+"://"+r.x.Authority+root)
		case to != nil:
			return redirected(int(to.Status), r.text(to.Location))
		}
		return nil
	}
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

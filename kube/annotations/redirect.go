package annotations

import (
	"errors"
	"net/url"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// redirectAsk is what the annotations about redirects ask for.
type redirectAsk struct {
	permanent, temporal gatelodge.Template
	permanentStatus     uint16 // 0: the default
	temporalStatus      uint16
	appRoot             string
	WWW                 bool // the name with or without www. redirects to each host
}

func redirectRows() []row {
	return []row{
		{"permanent-redirect", "an absolute URL, such as https://www.example.com$request_uri", setPermanentRedirect, false,
			"Every request is answered with 301 to it, before HTTPS or a password is asked for, but after a `configuration-snippet`; the backend is not needed.", "Empty elements stay in `$uri`, where nginx merges them."},
		{"permanent-redirect-code", "301, 302, 303, 307 or 308", setPermanentRedirectCode, false,
			"The status of that.", ""},
		{"temporal-redirect", "an absolute URL, such as https://www.example.com$request_uri", setTemporalRedirect, false,
			"The same with 302; it goes before `permanent-redirect`.", "Empty elements stay in `$uri`, where nginx merges them."},
		{"temporal-redirect-code", "301, 302, 303, 307 or 308", setTemporalRedirectCode, false,
			"The status of that.", ""},
		{"app-root", "a path, such as /app", setAppRoot, false,
			"A request for `/` is answered with 302 to this path on the same host, before the redirects above. It may have a query.", "Where a path of another Ingress of the host leads to `/`, that path counts; `//` is not redirected."},
		{"from-to-www-redirect", `"true" or "false"`, setWWWRedirect, false,
			"Of a host with `www.` and the same without, the one that has no rule redirects to the other with 308. It is claimed, published and certified like the hosts of rules; by default `false`.", "A host that another object has is a problem, where ingress-nginx says nothing. A slash at the end of the URL stays, where ingress-nginx cuts it off, even from a query."},
		{"preserve-trailing-slash", `"true" or "false"`, checkBool, false,
			"Nothing: redirects to HTTPS always keep a slash at the end of the path.", "ingress-nginx cuts it off where this is `false`, its default."},
		{"relative-redirects", `"true" or "false"`, checkBool, false,
			"Nothing: the gateway has no redirect that could be relative.", ""},
	}
}

func setPermanentRedirect(a *Asked, value string) (err error) {
	a.Redirects.permanent, err = syntax.ReadLocation(value)
	return err
}

func setTemporalRedirect(a *Asked, value string) (err error) {
	a.Redirects.temporal, err = syntax.ReadLocation(value)
	return err
}

func setPermanentRedirectCode(a *Asked, value string) (err error) {
	a.Redirects.permanentStatus, err = syntax.ReadRedirectStatus(value)
	return err
}

func setTemporalRedirectCode(a *Asked, value string) (err error) {
	a.Redirects.temporalStatus, err = syntax.ReadRedirectStatus(value)
	return err
}

func setAppRoot(a *Asked, value string) error {
	switch u, err := url.Parse(value); {
	case value == "" || value == "/": // a redirect to itself
		return nil
	case err != nil || !strings.HasPrefix(value, "/") || strings.HasPrefix(value, "//"):
		return errors.New("is not a path")
	default:
		a.Redirects.appRoot = u.EscapedPath()
		if u.RawQuery != "" {
			a.Redirects.appRoot += "?" + u.RawQuery
		}
	}
	return nil
}

func setWWWRedirect(a *Asked, value string) (err error) {
	a.Redirects.WWW, err = syntax.ParseBool(value)
	return err
}

// Policy sets what the redirects ask for. A temporal one goes before a permanent
// one.
func (r *redirectAsk) Policy(p *gatelodge.Policy) {
	p.AppRoot = r.appRoot
	status := func(asked, byDefault uint16) uint16 {
		if asked == 0 {
			return byDefault
		}
		return asked
	}
	switch {
	case len(r.temporal) > 0:
		p.RedirectTo = &gatelodge.RedirectTo{Status: status(r.temporalStatus, 302), Location: r.temporal}
	case len(r.permanent) > 0:
		p.RedirectTo = &gatelodge.RedirectTo{Status: status(r.permanentStatus, 301), Location: r.permanent}
	}
}

package intent

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// redirectAsk is what the annotations about redirects ask for.
type redirectAsk struct {
	permanent, temporal gatelodge.Location
	permanentStatus     uint16 // 0: the default
	temporalStatus      uint16
	appRoot             string
	www                 bool
}

func setPermanentRedirect(a *asked, value string) (err error) {
	a.Redirects.permanent, err = syntax.ReadLocation(value)
	return err
}

func setTemporalRedirect(a *asked, value string) (err error) {
	a.Redirects.temporal, err = syntax.ReadLocation(value)
	return err
}

func setPermanentRedirectCode(a *asked, value string) (err error) {
	a.Redirects.permanentStatus, err = readRedirectStatus(value)
	return err
}

func setTemporalRedirectCode(a *asked, value string) (err error) {
	a.Redirects.temporalStatus, err = readRedirectStatus(value)
	return err
}

func setAppRoot(a *asked, value string) error {
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

func setWWWRedirect(a *asked, value string) (err error) {
	a.Redirects.www, err = parseBool(value)
	return err
}

// readRedirectStatus reads the status of a redirect, 0 for anything else: then
// ingress-nginx's default counts.
func readRedirectStatus(value string) (uint16, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || !slices.Contains([]uint64{301, 302, 303, 307, 308}, n) {
		return 0, errors.New("is not the status of a redirect")
	}
	return uint16(n), nil
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

// addWWW asks for the name with or without www. beside each host, to redirect
// from there to the host. A name that has a rule of its own is served by that.
func (in *Claimant) addWWW() {
	if !in.Asked.Redirects.www {
		return
	}
	for _, host := range slices.Clone(in.Claims) {
		if host.Name == "" || host.Name.IsWildcard() || !host.Routed() {
			continue
		}
		from, has := strings.CutPrefix(string(host.Name), "www.")
		if !has {
			from = "www." + string(host.Name)
		}
		name, err := gatelodge.ParseName(from)
		if err != nil || in.claims(name) {
			continue
		}
		claim := in.claim(name)
		if claim == nil {
			return
		}
		claim.Paths = []PathAsk{{Path: "/", Match: gatelodge.PathPrefix, RedirectTo: &gatelodge.RedirectTo{Status: 308, Location: gatelodge.Location{
			{Value: gatelodge.RequestScheme}, {Text: "://" + string(host.Name)}, {Value: gatelodge.RequestTarget},
		}}}}
		in.coverAlso(host.Name, name)
	}
}

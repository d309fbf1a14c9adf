package intent

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
)

// redirectAsk is what the annotations about redirects ask for.
type redirectAsk struct {
	permanent, temporal gatelodge.Location
	permanentStatus     uint16 // 0: the default
	temporalStatus      uint16
	appRoot             string
	www                 bool
}

// maxLocation bounds a redirect's text, in octets.
const maxLocation = 8 << 10

func setPermanentRedirect(a *asked, value string) (err error) {
	a.Redirects.permanent, err = readLocation(value)
	return err
}

func setTemporalRedirect(a *asked, value string) (err error) {
	a.Redirects.temporal, err = readLocation(value)
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

// readLocation reads an absolute URL in which nginx's variables may stand, as
// $name or ${name}. Nothing in it is nothing asked for.
func readLocation(text string) (gatelodge.Location, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxLocation {
		return nil, fmt.Errorf("has %d octets, the most is %d", len(text), maxLocation)
	}
	var l gatelodge.Location
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "$")
		if literal != "" {
			l = append(l, gatelodge.LocationPart{Text: literal})
		}
		if !found {
			break
		}
		name, braced := after, strings.HasPrefix(after, "{")
		if braced {
			name, rest, found = strings.Cut(after[1:], "}")
		} else {
			end := strings.IndexFunc(after, func(c rune) bool {
				return c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
			})
			if end < 0 {
				end = len(after)
			}
			name, rest = after[:end], after[end:]
		}
		value := gatelodge.RequestValueOf(name)
		if !found || value == gatelodge.LiteralText {
			return nil, fmt.Errorf("holds the variable $%.40s, which is not known", name)
		}
		l = append(l, gatelodge.LocationPart{Value: value})
	}
	if err := checkLocation(l); err != nil {
		return nil, err
	}
	return l, nil
}

// checkLocation looks at the URL with an example of each value in it.
func checkLocation(l gatelodge.Location) error {
	examples := map[gatelodge.RequestValue]string{
		gatelodge.RequestScheme: "https", gatelodge.RequestHost: "example.com", gatelodge.RequestAuthority: "example.com",
		gatelodge.RequestTarget: "/path?query", gatelodge.RequestPath: "/path", gatelodge.RequestQuery: "query", gatelodge.RequestQueryMark: "?",
	}
	var example strings.Builder
	for _, part := range l {
		example.WriteString(part.Text + examples[part.Value])
	}
	u, err := url.Parse(example.String())
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is not an absolute URL of http or https")
	case strings.ContainsFunc(example.String(), func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"<>\^{|}`+"`", c) }):
		return errors.New("holds a character that has to be percent-encoded")
	}
	return nil
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

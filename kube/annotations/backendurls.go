package annotations

import (
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// backendURLsAsk is what the annotations say of URLs in a backend's responses.
type backendURLsAsk struct {
	redirectFrom, redirectTo string
	urls                     gatelodge.BackendURLs
}

func backendURLRows() []row {
	return []row{
		{"proxy-redirect-from", `"off", "default", or how the URLs begin, such as http://app.internal/`, setRedirectFrom, false,
			"Of Location and Refresh fields of the backend, the beginning that `proxy-redirect-to` replaces. Behind `~`, or `~*` without regard to case, it is a regular expression, and all of the URL is replaced. `default` does nothing.", ""},
		{"proxy-redirect-to", `"off", or a text such as https://app.example.com/`, setRedirectTo, false,
			"What stands there instead, with `$1` to `$9` for the groups of an expression.", "A path stays a path, where nginx puts its own scheme and host before it. Variables are not known."},
		{"proxy-cookie-domain", `"off", or two domains such as "app.internal example.com"`, setCookieDomains, false,
			"The Domain of the backend's cookies that is the first, in any case of letters and with a dot before it or not, becomes the second. The first may be an expression, behind `~`.", "Variables are not known."},
		{"proxy-cookie-path", `"off", or two paths such as "/app/ /"`, setCookiePaths, false,
			"The Path of the backend's cookies that begins with the first begins with the second instead. The first may be an expression, behind `~` or `~*`: then all of the path is replaced.", "Variables are not known."},
	}
}

func setRedirectFrom(a *Asked, value string) error {
	a.BackendURLs.redirectFrom = ""
	if value != "off" && value != "default" {
		if _, err := syntax.ReadSubstitution(value, "", false); err != nil {
			return err
		}
		a.BackendURLs.redirectFrom = value
	}
	return a.BackendURLs.redirect()
}

func setRedirectTo(a *Asked, value string) error {
	if value == "off" {
		value = ""
	}
	a.BackendURLs.redirectTo = value
	return a.BackendURLs.redirect()
}

// redirect makes the substitution once both texts are known.
func (ask *backendURLsAsk) redirect() (err error) {
	ask.urls.Redirect = nil
	if ask.redirectFrom != "" && ask.redirectTo != "" {
		ask.urls.Redirect, err = syntax.ReadSubstitution(ask.redirectFrom, ask.redirectTo, false)
	}
	return err
}

func setCookieDomains(a *Asked, value string) (err error) {
	a.BackendURLs.urls.CookieDomain, err = syntax.ReadPair(value, true)
	if s := a.BackendURLs.urls.CookieDomain; err == nil && s != nil && s.Pattern == nil {
		s.From, s.To[0].Text = strings.TrimPrefix(s.From, "."), strings.TrimPrefix(s.To[0].Text, ".")
	}
	return err
}

func setCookiePaths(a *Asked, value string) (err error) {
	a.BackendURLs.urls.CookiePath, err = syntax.ReadPair(value, false)
	return err
}

// Policy sets what is asked for.
func (ask *backendURLsAsk) Policy(p *gatelodge.Policy) {
	if ask.urls != (gatelodge.BackendURLs{}) {
		urls := ask.urls
		p.BackendURLs = &urls
	}
}

package annotations

import (
	"errors"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// affinityAsk is what the annotations of sessions ask for.
type affinityAsk struct {
	on     bool
	cookie gatelodge.Affinity
}

// defaultSessionCookie is what ingress-nginx has without session-cookie-name.
const defaultSessionCookie = "INGRESSCOOKIE"

func affinityRows() []row {
	return []row{
		{"affinity", `"cookie"`, setAffinity, false,
			"Keep each client at one endpoint, by a cookie that the gateway sets ([balancing.md](balancing.md#sessions)).", ""},
		{"affinity-mode", `"balanced" or "persistent"`, setAffinityMode, false,
			"What happens to sessions when an endpoint comes: it takes its share of them (`balanced`, the default), or they stay where they are.", ""},
		{"session-cookie-name", "a name of letters, digits, hyphens and underscores", setCookieName, false,
			"The name of the cookie, by default `INGRESSCOOKIE`.", ""},
		{"session-cookie-expires", "a number of seconds", setCookieExpires, false,
			"When the browser forgets the cookie, in its Expires attribute; without it when it is closed.", ""},
		{"session-cookie-max-age", "a number of seconds", setCookieMaxAge, false,
			"The same in its Max-Age attribute.", ""},
		{"session-cookie-path", "a path that starts with /", setCookiePath, false,
			"For which paths the browser sends it, by default that of the route.", ""},
		{"session-cookie-domain", "a domain such as example.com", setCookieDomain, false,
			"For which hosts the browser sends it; without it for this one alone.", ""},
		{"session-cookie-samesite", `"Strict", "Lax" or "None"`, setCookieSameSite, false,
			"The cookie's SameSite attribute; without it the browser's default.", ""},
		{"session-cookie-conditional-samesite-none", `"true" or "false"`, setConditionalSameSiteNone, false,
			"Leave `SameSite=None` out for browsers that mistake it; by default `false`.", ""},
		{"session-cookie-secure", `"true" or "false"`, setCookieSecure, false,
			"Whether the browser sends it over HTTPS only; by default if it was set over HTTPS.", ""},
		{"session-cookie-partitioned", `"true" or "false"`, setCookiePartitioned, false,
			"Whether the cookie has the Partitioned attribute, so that each site that embeds this one has sessions of its own; by default `false`.", ""},
		{"session-cookie-change-on-failure", `"true" or "false"`, setChangeOnFailure, false,
			"Give a client another endpoint for good when its own fails; by default `false`.", ""},
	}
}

// Affinity is the sessions that are asked for; nil: none are.
func (ask *affinityAsk) Affinity() *gatelodge.Affinity {
	if !ask.on {
		return nil
	}
	affinity := ask.cookie
	if affinity.Cookie == "" {
		affinity.Cookie = defaultSessionCookie
	}
	return &affinity
}

func setAffinity(a *Asked, value string) error {
	if a.Affinity.on = value == "cookie"; !a.Affinity.on {
		return errors.New("is not a known kind of session")
	}
	return nil
}

func setAffinityMode(a *Asked, value string) error {
	switch value {
	case "balanced":
		a.Affinity.cookie.Persistent = false
	case "persistent":
		a.Affinity.cookie.Persistent = true
	default:
		return errors.New("is not a known mode")
	}
	return nil
}

// setCookieName takes a token (RFC 6265 §4.1.1).
func setCookieName(a *Asked, value string) error {
	if !syntax.IsToken(value) {
		return errors.New("is not a valid name of a cookie")
	}
	a.Affinity.cookie.Cookie = value
	return nil
}

func setCookieExpires(a *Asked, value string) (err error) {
	a.Affinity.cookie.Expires, err = syntax.ParseSeconds(value)
	return err
}

func setCookieMaxAge(a *Asked, value string) (err error) {
	a.Affinity.cookie.MaxAge, err = syntax.ParseSeconds(value)
	return err
}

func setCookiePath(a *Asked, value string) error {
	if !strings.HasPrefix(value, "/") || !syntax.IsCookieValue(value) {
		return errors.New("is not a valid path")
	}
	a.Affinity.cookie.Path = value
	return nil
}

func setCookieDomain(a *Asked, value string) error {
	name, err := gatelodge.ParseName(strings.TrimPrefix(value, "."))
	if err != nil || name.IsWildcard() {
		return errors.New("is not a valid domain")
	}
	a.Affinity.cookie.Domain = name
	return nil
}

func setCookieSameSite(a *Asked, value string) error {
	switch value = strings.ToLower(value); value {
	case "none", "lax", "strict":
		a.Affinity.cookie.SameSite = strings.ToUpper(value[:1]) + value[1:]
		return nil
	}
	return errors.New("is not a valid SameSite attribute")
}

func setCookieSecure(a *Asked, value string) error {
	secure, err := syntax.ParseBool(value)
	if err == nil {
		a.Affinity.cookie.Secure = &secure
	}
	return err
}

func setConditionalSameSiteNone(a *Asked, value string) (err error) {
	a.Affinity.cookie.ConditionalSameSiteNone, err = syntax.ParseBool(value)
	return err
}

func setCookiePartitioned(a *Asked, value string) (err error) {
	a.Affinity.cookie.Partitioned, err = syntax.ParseBool(value)
	return err
}

func setChangeOnFailure(a *Asked, value string) (err error) {
	a.Affinity.cookie.ChangeOnFailure, err = syntax.ParseBool(value)
	return err
}

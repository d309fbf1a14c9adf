package intent

import (
	"errors"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// affinityAsk is what the annotations of sessions ask for.
type affinityAsk struct {
	on     bool
	cookie gatelodge.Affinity
}

// defaultSessionCookie is what ingress-nginx has without session-cookie-name.
const defaultSessionCookie = "INGRESSCOOKIE"

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

func setAffinity(a *asked, value string) error {
	if a.Affinity.on = value == "cookie"; !a.Affinity.on {
		return errors.New("is not a known kind of session")
	}
	return nil
}

func setAffinityMode(a *asked, value string) error {
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
func setCookieName(a *asked, value string) error {
	for _, c := range []byte(value) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return errors.New("is not a valid name of a cookie")
		}
	}
	if value == "" {
		return errors.New("is not a valid name of a cookie")
	}
	a.Affinity.cookie.Cookie = value
	return nil
}

func setCookieExpires(a *asked, value string) (err error) {
	a.Affinity.cookie.Expires, err = parseSeconds(value)
	return err
}

func setCookieMaxAge(a *asked, value string) (err error) {
	a.Affinity.cookie.MaxAge, err = parseSeconds(value)
	return err
}

// mostSeconds is about 68 years.
const mostSeconds = 1<<31 - 1

func parseSeconds(value string) (*time.Duration, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > mostSeconds {
		return nil, errors.New("is not a number of seconds")
	}
	d := time.Duration(n) * time.Second
	return &d, nil
}

func setCookiePath(a *asked, value string) error {
	if !strings.HasPrefix(value, "/") || !isCookieValue(value) {
		return errors.New("is not a valid path")
	}
	a.Affinity.cookie.Path = value
	return nil
}

func setCookieDomain(a *asked, value string) error {
	name, err := gatelodge.ParseName(strings.TrimPrefix(value, "."))
	if err != nil || name.IsWildcard() {
		return errors.New("is not a valid domain")
	}
	a.Affinity.cookie.Domain = name
	return nil
}

func setCookieSameSite(a *asked, value string) error {
	switch value {
	case "None", "Lax", "Strict":
		a.Affinity.cookie.SameSite = value
		return nil
	}
	return errors.New("is not a valid SameSite attribute")
}

func setCookieSecure(a *asked, value string) error {
	secure, err := parseBool(value)
	if err == nil {
		a.Affinity.cookie.Secure = &secure
	}
	return err
}

func setConditionalSameSiteNone(a *asked, value string) (err error) {
	a.Affinity.cookie.ConditionalSameSiteNone, err = parseBool(value)
	return err
}

func setChangeOnFailure(a *asked, value string) (err error) {
	a.Affinity.cookie.ChangeOnFailure, err = parseBool(value)
	return err
}

// isCookieValue reports whether a text can be the value of a cookie's attribute
// (RFC 6265 §4.1.1).
func isCookieValue(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c >= 0x7f || c == ';' {
			return false
		}
	}
	return true
}

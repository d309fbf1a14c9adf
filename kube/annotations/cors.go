package annotations

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// corsAsk is what the annotations say of requests by scripts of other origins.
type corsAsk struct {
	on      bool
	origins bool // some were named, right or wrong
	cors    gatelodge.CORS
}

// Bounds of what scripts are allowed.
const (
	maxCORSField = 4 << 10 // octets
)

// defaultCORS is what ingress-nginx has with enable-cors alone.
func defaultCORS() corsAsk {
	return corsAsk{cors: gatelodge.CORS{
		Credentials: true,
		Methods:     "GET, PUT, POST, DELETE, PATCH, OPTIONS",
		Headers:     "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization",
		MaxAge:      1728000 * time.Second,
	}}
}

func corsRows() []row {
	return []row{
		{"enable-cors", `"true" or "false"`, setCORS, false,
			"Scripts of other origins may read the answers, and preflight requests (`OPTIONS`) are answered with 204 before anything is asked for ([fields.md](fields.md#cors)); by default `false`.", "Answers of a route that names origins have `Vary: Origin`; the answer to a preflight request has no Content-Length, as RFC 9110 wants of a 204. A preflight request for `/` comes before `app-root` too."},
		{"cors-allow-origin", `"*", or origins such as https://app.example.com:8443 or https://*.example.com, separated by commas`, setCORSOrigins, false,
			"Which origins, by default `*`. A wildcard is for one label; `null` is one too.", "If none of them is valid, none is allowed, where ingress-nginx may allow all. An origin is compared as a whole, where ingress-nginx compares its end."},
		{"cors-allow-methods", "methods separated by commas", setCORSList(`[A-Za-z]+`, func(c *gatelodge.CORS) *string { return &c.Methods }), false,
			"Access-Control-Allow-Methods, by default `GET, PUT, POST, DELETE, PATCH, OPTIONS`.", ""},
		{"cors-allow-headers", "names of fields separated by commas", setCORSList(`[A-Za-z0-9_-]+|\*`, func(c *gatelodge.CORS) *string { return &c.Headers }), false,
			"Access-Control-Allow-Headers, by default `" + defaultCORS().cors.Headers + "`.", ""},
		{"cors-allow-credentials", `"true" or "false"`, setCORSCredentials, false,
			"Whether scripts may send cookies and passwords, by default `true`.", ""},
		{"cors-expose-headers", `"*", or names of fields separated by commas`, setCORSList(`[A-Za-z0-9_-]+|\*`, func(c *gatelodge.CORS) *string { return &c.Expose }), false,
			"Access-Control-Expose-Headers.", ""},
		{"cors-max-age", "a number of seconds, or -1", setCORSMaxAge, false,
			"For how long browsers keep the answer to a preflight request, by default 1728000.", ""},
	}
}

// CORS is what scripts are allowed; nil: nothing is said of it.
func (ask *corsAsk) CORS() *gatelodge.CORS {
	if !ask.on {
		return nil
	}
	cors := ask.cors
	cors.AnyOrigin = cors.AnyOrigin || !ask.origins
	return &cors
}

func setCORS(a *Asked, value string) (err error) {
	a.CORS.on, err = syntax.ParseBool(value)
	return err
}

// setCORSOrigins: those that are origins count, whatever stands beside them; where
// none is, no origin is allowed, and not all.
func setCORSOrigins(a *Asked, value string) (err error) {
	ask := &a.CORS
	ask.origins = true
	ask.cors.Origins, ask.cors.AnyOrigin, err = syntax.ReadOrigins(value)
	return err
}

// setCORSList reads a field that is a list of items. One that is wrong leaves the
// default, as in ingress-nginx.
func setCORSList(item string, of func(*gatelodge.CORS) *string) func(*Asked, string) error {
	form := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^((` + item + `),?\s?)+$`) })
	return func(a *Asked, value string) error {
		if len(value) > maxCORSField || !form().MatchString(value) {
			return errors.New("is not a valid list")
		}
		*of(&a.CORS.cors) = strings.Join(strings.Fields(value), " ")
		return nil
	}
}

func setCORSCredentials(a *Asked, value string) error {
	on, err := syntax.ParseBool(value)
	if err == nil {
		a.CORS.cors.Credentials = on
	}
	return err
}

// setCORSMaxAge takes -1 too, with which browsers don't keep the answer.
func setCORSMaxAge(a *Asked, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < -1 || n > syntax.MostSeconds {
		return errors.New("is not a number of seconds")
	}
	a.CORS.cors.MaxAge = time.Duration(n) * time.Second
	return nil
}

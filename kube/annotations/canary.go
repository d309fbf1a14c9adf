package annotations

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// CanaryAsk is what the annotations of a canary ask for: an Ingress that gets a part
// of the requests of another one.
type CanaryAsk struct {
	On     bool
	Broken bool // the annotation canary can't be read: such an Ingress gets none, and is no main one either
	given  bool

	Header, Value string
	Pattern       *regexp.Regexp
	PatternSize   int
	Cookie        string
	Weight, Total int
	// NoSessions is affinity-canary-behavior: legacy.
	NoSessions bool

	headerBroken bool // what decides by the header can't be read: it decides nothing
}

// canaryTotal is what ingress-nginx has without canary-weight-total, and for less
// (rootfs/etc/nginx/lua/balancer.lua).
const canaryTotal = 100

func canaryRows() []row {
	return []row{
		{"canary", `"true" or "false"`, setCanary, false,
			"`true`: the Ingress gets a part of the requests of another one of its namespace, as the following say; it serves nothing by itself ([splitting.md](splitting.md)). By default `false`.", "Requests of another namespace's Ingress never go to it, and those of other paths with the same Service don't either."},
		{"canary-by-header", "the name of a header field", ofHeader(setCanaryHeader), false,
			"A request in which it is `always` goes to the canary, and one in which it is `never` does not.", ""},
		{"canary-by-header-value", "text without control characters", ofHeader(setCanaryValue), false,
			"A request in which the field has this value goes to the canary, instead of these words.", ""},
		{"canary-by-header-pattern", "a regular expression (RE2)", ofHeader(setCanaryPattern), false,
			"A request in which the expression finds something in the field goes to the canary, instead of these words; `canary-by-header-value` goes before it.", "Look-ahead and back-references, which RE2 does not have, are a problem, and the field decides nothing."},
		{"canary-by-cookie", "the name of a cookie", setCanaryCookie, false,
			"The same words in a cookie, for requests that the header leaves open.", ""},
		{"canary-weight", "a number from 0 to canary-weight-total", setCanaryWeight, false,
			"So many of the total of the remaining requests go to the canary, by default 0.", ""},
		{"canary-weight-total", "a number from 100 to 1000000", setCanaryTotal, false,
			"The total, by default 100.", ""},
		{"affinity-canary-behavior", `"sticky" or "legacy"`, setCanarySessions, false,
			"On the canary: whether the sessions of the main Ingress hold there, too (`sticky`, the default).", ""},
	}
}

// countsForCanary reports whether an annotation counts on a canary. Everything else
// is that of the main Ingress, as with ingress-nginx: tools copy all of its
// annotations to the canary.
func countsForCanary(name string) bool {
	return slices.ContainsFunc(canaryRows(), func(r row) bool { return r.name == name }) ||
		slices.ContainsFunc(balanceRows(), func(r row) bool { return r.name == name })
}

// check looks at the annotations together, once all were read.
func (c *CanaryAsk) check(tell Report) {
	if c.headerBroken || c.Header == "" {
		c.Header, c.Value, c.Pattern = "", "", nil
	}
	if c.Value != "" {
		c.Pattern = nil
	}
	c.Total = max(c.Total, canaryTotal)
	if c.Weight > c.Total {
		tell(gatelodge.BadAnnotation, "annotation canary-weight is %d of %d, so that the canary gets all requests, expected a number from 0 to canary-weight-total", c.Weight, c.Total)
		c.Weight = c.Total
	}
}

// without says what an annotation of a canary lacks, "" if nothing.
func (c *CanaryAsk) without(name string) string {
	switch {
	case name == "affinity-canary-behavior":
		if c.NoSessions && !c.On {
			return "it belongs on the canary"
		}
	case !strings.HasPrefix(name, "canary-") || c.given && !c.On:
	case !c.On:
		return "without canary"
	case c.Header == "" && !c.headerBroken && strings.HasPrefix(name, "canary-by-header-"):
		return "without canary-by-header"
	case c.Value != "" && name == "canary-by-header-pattern":
		return "canary-by-header-value goes before it"
	}
	return ""
}

// setCanary takes what can't be read for a canary too: it must not get all requests.
func setCanary(a *Asked, value string) (err error) {
	a.Canary.given = true
	a.Canary.On, err = syntax.ParseBool(value)
	if err != nil {
		a.Canary.On, a.Canary.Broken = true, true
	}
	return err
}

// ofHeader returns what reads a part of how a header decides.
func ofHeader(set func(c *CanaryAsk, value string) error) func(*Asked, string) error {
	return func(a *Asked, value string) error {
		err := set(&a.Canary, value)
		if err != nil {
			a.Canary.headerBroken = true
		}
		return err
	}
}

// setCanaryHeader takes underscores for hyphens, as nginx's $http_NAME does.
func setCanaryHeader(c *CanaryAsk, value string) error {
	if !syntax.IsToken(value) {
		return errors.New("is not a valid name of a header field")
	}
	c.Header = strings.ReplaceAll(strings.ToLower(value), "_", "-")
	return nil
}

func setCanaryValue(c *CanaryAsk, value string) error {
	c.Value = value
	return syntax.CheckPrintable(value)
}

func setCanaryPattern(c *CanaryAsk, value string) (err error) {
	if c.PatternSize, err = syntax.CheckExpression(value); err != nil {
		return err
	}
	if c.Pattern, err = regexp.Compile(value); err != nil {
		return errors.New("is too large a regular expression")
	}
	return nil
}

func setCanaryCookie(a *Asked, value string) error {
	if !syntax.IsToken(value) {
		return errors.New("is not a valid name of a cookie")
	}
	a.Canary.Cookie = value
	return nil
}

func setCanaryWeight(a *Asked, value string) error {
	n, err := syntax.ParseCount(value, mostCount)
	if err == nil {
		a.Canary.Weight = int(n)
	}
	return err
}

func setCanaryTotal(a *Asked, value string) error {
	n, err := syntax.ParseCount(value, mostCount)
	if err == nil && n < canaryTotal {
		err = errors.New("is too small")
	}
	if err == nil {
		a.Canary.Total = int(n)
	}
	return err
}

func setCanarySessions(a *Asked, value string) error {
	switch value {
	case "sticky", "legacy":
		a.Canary.NoSessions = value == "legacy"
		return nil
	}
	return errors.New("is not a known behavior")
}

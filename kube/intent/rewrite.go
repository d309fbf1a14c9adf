package intent

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// rewriteAsk is what the annotations about paths ask for.
type rewriteAsk struct {
	useRegex bool
	target   string // as it is written; "": none
	rewrite  *gatelodge.Rewrite
	host     string // of upstream-vhost
	prefix   string // of x-forwarded-prefix
}

func setUseRegex(a *asked, value string) (err error) {
	a.Rewrites.useRegex, err = parseBool(value)
	return err
}

func setRewriteTarget(a *asked, value string) error {
	if value == "" {
		return nil
	}
	w, err := syntax.ReadRewrite(value)
	if err != nil {
		return err
	}
	a.Rewrites.target, a.Rewrites.rewrite = value, w
	return nil
}

func setUpstreamVhost(a *asked, value string) error {
	if value != "" && !isHostField(value) {
		return errors.New("is not a valid host")
	}
	a.Rewrites.host = value
	return nil
}

// isHostField reports whether a Host field may have the value: a name or address,
// perhaps with a port.
func isHostField(value string) bool {
	host, port, found := strings.Cut(value, ":")
	if found && (port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "") {
		return false
	}
	_, err := gatelodge.ParseName(host)
	return err == nil
}

func setForwardedPrefix(a *asked, value string) error {
	if strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return errors.New("holds a character that a field may not have")
	}
	a.Rewrites.prefix = value
	return nil
}

// Policy sets what is asked for. A rewrite to the very path of a route changes
// nothing.
func (w *rewriteAsk) Policy(p *gatelodge.Policy) {
	p.Rewrite, p.UpstreamHost, p.ForwardedPrefix = w.rewrite, w.host, w.prefix
}

// asksForPatterns reports whether the paths of an Ingress are regular expressions. A
// rewrite makes them such unless it changes nothing.
func (w *rewriteAsk) asksForPatterns(source *networkingv1.Ingress) bool {
	if w.useRegex || w.rewrite == nil {
		return w.useRegex
	}
	for _, rule := range source.Spec.Rules {
		if rule.HTTP != nil && slices.ContainsFunc(rule.HTTP.Paths, func(p networkingv1.HTTPIngressPath) bool { return p.Path != w.target }) {
			return true
		}
	}
	return false
}

// maxPatterns bounds the expressions of one object together, in what
// expressionSize counts.
const maxPatterns = 100_000

// pattern reads a path as ingress-nginx does with use-regex: it is compared with the
// beginning of a request's path, in any case of letters.
func (in *Claimant) pattern(path string) (PathAsk, error) {
	if !strings.HasPrefix(path, "/") {
		return PathAsk{}, errors.New(`does not start with "/"`)
	}
	size, err := syntax.CheckExpression(path)
	if err != nil {
		return PathAsk{}, err
	}
	if in.patternSize += size; in.patternSize > maxPatterns {
		return PathAsk{}, errors.New("is too much, together with the regular expressions before it")
	}
	pattern, err := regexp.Compile("(?i)^" + path)
	if err != nil {
		return PathAsk{}, errors.New("is too large a regular expression")
	}
	return PathAsk{Path: path, Match: gatelodge.PathPattern, Pattern: pattern, Size: size}, nil
}

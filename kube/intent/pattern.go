package intent

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/syntax"
)

// asksForPatterns reports whether the paths of an Ingress are regular expressions. A
// rewrite that changes something makes them so.
func asksForPatterns(asked *annotations.Asked, source *networkingv1.Ingress) bool {
	w := &asked.Rewrites
	if w.UseRegex || w.Target == "" {
		return w.UseRegex
	}
	for _, rule := range source.Spec.Rules {
		if rule.HTTP != nil && slices.ContainsFunc(rule.HTTP.Paths, func(p networkingv1.HTTPIngressPath) bool { return p.Path != w.Target }) {
			return true
		}
	}
	return false
}

// maxPatterns limits the expressions of one object together, as expressionSize counts.
const maxPatterns = 100_000

// pattern reads a path as ingress-nginx does with use-regex: it is compared with the
// start of a request's path, ignoring case.
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

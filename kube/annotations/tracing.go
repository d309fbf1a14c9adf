package annotations

import (
	"errors"
	"strings"
	"unicode"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

func tracingRows() []row {
	return []row{
		{"enable-opentelemetry", `"true" or "false"`, setTracing, false,
			"Whether its requests have spans, if the configuration names a collector ([tracing.md](tracing.md)); by default `true`.", "There it is `false` by default. `import` writes that as the class's default."},
		{"opentelemetry-trust-incoming-span", `"true" or "false"`, setTraceTrust, false,
			"Clients say to which trace a request belongs, and whether it has spans; by default `false`: only the proxies of `trust.forwarded` do.", "There it is `true` by default."},
		{"opentelemetry-operation-name", "a name without variables, of up to 100 characters", setTraceName, false,
			"The name of the spans; by default method and path of the route.", "Variables such as `$uri` are not valid, because a name that differs with each request can't be searched for."},
	}
}

// tracingAsk is what an Ingress says of its traces.
type tracingAsk struct {
	off, trust bool
	name       string
}

// Rules are what was asked for, nil if nothing was.
func (ask *tracingAsk) Rules() *gatelodge.TraceRules {
	if *ask == (tracingAsk{}) {
		return nil
	}
	return &gatelodge.TraceRules{Off: ask.off, Trust: ask.trust, Name: ask.name}
}

func setTracing(a *Asked, value string) error {
	on, err := syntax.ParseBool(value)
	a.Tracing.off = err == nil && !on
	return err
}

func setTraceTrust(a *Asked, value string) (err error) {
	a.Tracing.trust, err = syntax.ParseBool(value)
	return err
}

func setTraceName(a *Asked, value string) error {
	unwanted := func(c rune) bool { return c == '$' || !unicode.IsPrint(c) }
	if value == "" || len(value) > 100 || strings.ContainsFunc(value, unwanted) {
		return errors.New("is not a name")
	}
	a.Tracing.name = value
	return nil
}

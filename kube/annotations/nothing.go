package annotations

import (
	"strconv"
	"strings"

	"gatelodge.dev/kube/nginxnames"
)

// asksForNothing reports whether an annotation has a value by which it asks for
// nothing, in ingress-nginx too: none at all, or, of one that is not honoured, what
// is so without it.
func asksForNothing(name, value string) bool {
	if value == "" {
		return true
	}
	if nginxnames.UnhonouredByName()[name] == nil {
		return false
	}
	on, err := strconv.ParseBool(value)
	return err == nil && !on || value == "off"
}

// AsksForNothing reports whether the annotation of a key changes nothing by its
// value.
func AsksForNothing(key, value string) bool {
	name, ok := policyName(key)
	return ok && asksForNothing(name, strings.TrimSpace(value))
}

package annotations

import (
	"gatelodge.dev/kube/syntax"
)

const (
	allowlist      = "allowlist-source-range"
	denylist       = "denylist-source-range"
	olderAllowlist = "whitelist-source-range" // which cert-manager puts on the Ingresses of its solvers

	sourceRangeExpects = "addresses and networks such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, separated by commas"
)

func sourceRangeRows() []row {
	return []row{
		{allowlist, sourceRangeExpects, setAllowlist, true,
			"Only clients with these addresses are let in; others get 403.", ""},
		{olderAllowlist, sourceRangeExpects, setAllowlist, true,
			"The older name of `allowlist-source-range`.", ""},
		{denylist, sourceRangeExpects, setDenylist, true,
			"Clients with these addresses get 403, also where the other list lets them in.", ""},
	}
}

// currentName and olderName return the names of an annotation that has two; the
// older name of any other is "".
func currentName(name string) string {
	switch name {
	case olderAllowlist:
		return allowlist
	case olderExempt:
		return exempt
	}
	return name
}

func olderName(name string) string {
	switch currentName(name) {
	case allowlist:
		return olderAllowlist
	case exempt:
		return olderExempt
	}
	return ""
}

// setAllowlist: a list that has every address, in whatever spelling, lets every
// client in, as if there were none.
func setAllowlist(a *Asked, value string) error {
	list, err := syntax.ReadNetworks(value)
	if err == nil && !list.IsEverything() {
		a.AllowFrom = list
	}
	return err
}

func setDenylist(a *Asked, value string) (err error) {
	a.DenyFrom, err = syntax.ReadNetworks(value)
	return err
}

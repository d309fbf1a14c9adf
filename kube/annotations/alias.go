package annotations

import (
	"gatelodge.dev/kube/syntax"
)

// setServerAlias reads the further names of an Ingress. A regular expression,
// which ingress-nginx takes too, can't be claimed, certified or published, so it
// is none.
func setServerAlias(a *Asked, value string) (err error) {
	a.Aliases, err = syntax.ReadNames(value)
	return err
}

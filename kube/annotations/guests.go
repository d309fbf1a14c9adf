package annotations

import "gatelodge.dev/kube/syntax"

// setShareHostWith reads the namespaces that are let in. A mistake in the list
// lets no one in, because it may be the one name that was meant otherwise.
func setShareHostWith(a *Asked, value string) (err error) {
	a.Guests, err = syntax.ReadNamespaces(value)
	return err
}

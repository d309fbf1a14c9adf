package claims

import (
	gatelodge "gatelodge.dev"
)

// guestsOf returns the namespaces that a namespace lets in to a name, should the
// name be its own, by those of its objects that claim it. How old these are does
// not matter: the guest may well be older.
func guestsOf(claims []share, namespace string) (guests []string) {
	for _, s := range claims {
		if s.Namespace() == namespace {
			guests = append(guests, s.By.Asked.Guests...)
		}
	}
	return guests
}

// guestsAt returns the namespaces that the owner of another name lets in to a
// name: those of a wildcard are let in to the names that it matches, and to no
// _label.NAME.
func (c *Claims) guestsAt(name gatelodge.Name, above *Ruling) []string {
	list := c.claimed.Names.Get(name)
	if list == nil {
		return nil
	}
	return guestsOf(list.List, above.Namespace())
}

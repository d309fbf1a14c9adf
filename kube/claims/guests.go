package claims

import (
	gatelodge "gatelodge.dev"
)

// guestsOf returns the namespaces that a namespace shares a name with, if it owns the
// name, by its objects that claim it. Their age does not matter: a guest may be older.
func guestsOf(claims []share, namespace string) (guests []string) {
	for _, s := range claims {
		if s.Namespace() == namespace {
			guests = append(guests, s.By.Asked.Guests...)
		}
	}
	return guests
}

// guestsAt returns the namespaces that the owner of another name shares a name with:
// those of a wildcard may use the names that it matches, but no _label.NAME.
func (c *Claims) guestsAt(name gatelodge.Name, above *Ruling) []string {
	list := c.claimed.Names.Get(name)
	if list == nil {
		return nil
	}
	return guestsOf(list.List, above.Namespace())
}

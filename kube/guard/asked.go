package guard

import (
	gatelodge "gatelodge.dev"
)

// Claims returns the claims to a name, and since when a namespace has it.
func (g *Guard) Claims(name gatelodge.Name) gatelodge.NameClaims {
	g.mu.Lock()
	asked, holding := g.asked, g.names.Holdings.Get(name)
	g.mu.Unlock()
	known := asked.Claims(name)
	if holding != nil && known.Owner.Kind != "" {
		known.Since = holding.Since
	}
	return known
}

// Lacking returns why a backend has no endpoints, and "" if it has some or is unknown.
func (g *Guard) Lacking(key gatelodge.BackendKey) string {
	g.mu.Lock()
	asked := g.asked
	g.mu.Unlock()
	return asked.Lacking(key)
}

package proxy

import gatelodge "gatelodge.dev"

// clientAddress accepts or refuses clients by their address, which identify has
// determined: that of the peer, or the one that a trusted proxy sends. As in
// ingress-nginx, the list of refused addresses is checked first.
func clientAddress(p *gatelodge.Policy) step {
	if p.AllowFrom == nil && p.DenyFrom == nil {
		return nil
	}
	return func(r *request) *answer {
		switch client := r.x.Client.Addr(); {
		case p.DenyFrom.Contains(client):
			return forbidden("the client's address is in denylist-source-range")
		case p.AllowFrom != nil && !p.AllowFrom.Contains(client):
			return forbidden("the client's address is not in allowlist-source-range")
		}
		return nil
	}
}

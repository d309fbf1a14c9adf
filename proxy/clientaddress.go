package proxy

import gatelodge "gatelodge.dev"

// clientAddress lets clients in by their address, which identify found: that of
// the peer, or what a trusted proxy says. As in ingress-nginx, the list of those
// that are refused is looked at first.
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

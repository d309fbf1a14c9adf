package compile

import (
	"net/netip"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// administration contains the admin endpoints of the gateway's replicas. They trust
// every client that reaches them, so no route may lead there.
type administration struct {
	own      []netip.AddrPort
	port     uint16       // of all replicas
	replicas []netip.Addr // sorted
}

// findAdministration finds the replicas as the endpoints of the Services whose
// addresses are announced.
func (b *backends) findAdministration() administration {
	a := administration{own: b.cfg.Admin}
	if len(a.own) == 0 {
		return a
	}
	a.port = a.own[0].Port()
	for _, service := range b.cfg.AnnouncingServices() {
		for key := range follow.Of(b.ofService, objects.Key(service)) {
			for _, endpoint := range b.slices.Get(key).Endpoints {
				for _, text := range endpoint.Addresses {
					if address, err := netip.ParseAddr(text); err == nil {
						a.replicas = append(a.replicas, address.Unmap())
					}
				}
			}
		}
	}
	slices.SortFunc(a.replicas, netip.Addr.Compare)
	a.replicas = slices.Compact(a.replicas)
	return a
}

func (a *administration) equal(other *administration) bool {
	return a.port == other.port && slices.Equal(a.own, other.own) && slices.Equal(a.replicas, other.replicas)
}

// removeFrom removes the endpoints that are admin endpoints, or with all any of the
// gateway, and returns one of them.
func (a *administration) removeFrom(endpoints []gatelodge.Endpoint, all bool) (kept []gatelodge.Endpoint, removed netip.AddrPort) {
	kept = slices.DeleteFunc(endpoints, func(e gatelodge.Endpoint) bool {
		is := slices.Contains(a.own, e.Address) || (all || e.Address.Port() == a.port) && slices.Contains(a.replicas, e.Address.Addr())
		if is {
			removed = e.Address
		}
		return is
	})
	return kept, removed
}

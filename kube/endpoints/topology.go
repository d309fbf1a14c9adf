package endpoints

import (
	"slices"

	discoveryv1 "k8s.io/api/discovery/v1"

	gatelodge "gatelodge.dev"
)

// placed is an endpoint and the zones that its slice wants it to serve.
type placed struct {
	gatelodge.Endpoint
	zones []discoveryv1.ForZone
}

func (p *placed) isFor(zone string) bool {
	return slices.ContainsFunc(p.zones, func(z discoveryv1.ForZone) bool { return z.Name == zone })
}

func zonesOf(endpoint *discoveryv1.Endpoint) []discoveryv1.ForZone {
	if endpoint.Hints == nil {
		return nil
	}
	return endpoint.Hints.ForZones
}

// nearby keeps the endpoints that are meant for the gateway's zone, so that traffic
// stays in it. Like kube-proxy it follows the hints only if each ready endpoint has
// one, because otherwise they are just being written or removed, and if some are for
// the zone, because otherwise no endpoint would serve it. Terminating endpoints are the
// last choice, in any zone.
func nearby(all []placed, zone string) []placed {
	if zone == "" {
		return all
	}
	served := false
	for i := range all {
		switch p := &all[i]; {
		case p.Draining:
		case len(p.zones) == 0:
			return all
		case p.isFor(zone):
			served = true
		}
	}
	if !served {
		return all
	}
	return slices.DeleteFunc(all, func(p placed) bool { return !p.Draining && !p.isFor(zone) })
}

package proxy

import (
	"fmt"
	"unique"

	gatelodge "gatelodge.dev"
)

// limitClients limits the requests of each client to the routes of an Ingress. The
// answer is 429 (RFC 6585). ingress-nginx answers 503 by default, but the gateway has
// no fault: the client has to wait.
func (s *Server) limitClients(route *gatelodge.Route) step {
	l := route.Policy.ClientLimits
	if l == nil {
		return nil
	}
	paces := newClientPaces(l)
	ingress := unique.Make(ingressName{route.Object.Namespace, route.Object.Name})
	reasons := [...]string{
		limitSecond:      fmt.Sprintf("limit-rps: more than %d requests a second of one client", l.PerSecond),
		limitMinute:      fmt.Sprintf("limit-rpm: more than %d requests a minute of one client", l.PerMinute),
		limitConnections: fmt.Sprintf("limit-connections: more than %d requests at a time of one client", l.Connections),
	}
	labels := [...]string{limitSecond: "limit-rps", limitMinute: "limit-rpm", limitConnections: "limit-connections"}
	return func(r *request) *answer {
		address := r.x.Client.Addr()
		if l.Exempt.Contains(address) {
			return nil
		}
		c, over, wait := s.clients.admit(clientKey{ingress, clientOf(address)}, &paces, r.started)
		if over != noLimit {
			a := tooManyRequests(reasons[over], wait)
			a.limit = labels[over]
			return a
		}
		if paces.connections > 0 {
			r.hold().counted = c
		}
		return nil
	}
}

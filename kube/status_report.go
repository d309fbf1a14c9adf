package kube

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// report is what there is to tell of one Snapshot.
type report struct {
	snapshot  *gatelodge.Snapshot
	ingresses []*networkingv1.Ingress
	byName    map[types.NamespacedName]*networkingv1.Ingress
	hosts     map[types.UID][]gatelodge.Name // that an Ingress has a route of
}

// newReport takes from last what did not change.
func newReport(snapshot *gatelodge.Snapshot, ingresses []*networkingv1.Ingress, last *report) *report {
	r := &report{snapshot: snapshot, ingresses: ingresses}
	if last != nil && sameSlice(last.snapshot.Hosts, snapshot.Hosts) {
		r.hosts = last.hosts
	} else {
		r.hosts = make(map[types.UID][]gatelodge.Name, len(snapshot.Hosts))
		for _, host := range snapshot.Hosts {
			for _, route := range host.Routes {
				uid := types.UID(route.Object.UID)
				if uid != "" && !slices.Contains(r.hosts[uid], host.Name) {
					r.hosts[uid] = append(r.hosts[uid], host.Name)
				}
			}
		}
	}
	if last != nil && slices.Equal(last.ingresses, ingresses) {
		r.byName = last.byName
	} else {
		r.byName = make(map[types.NamespacedName]*networkingv1.Ingress, len(ingresses))
		for _, ingress := range ingresses {
			r.byName[nameOf(&ingress.ObjectMeta)] = ingress
		}
	}
	return r
}

// tellsTheSame tells whether nothing changed that is told, as when endpoints
// come and go.
func (r *report) tellsTheSame(last *report) bool {
	return last != nil && sameSlice(last.snapshot.Hosts, r.snapshot.Hosts) && sameSlice(last.snapshot.Problems, r.snapshot.Problems) &&
		sameSlice(last.snapshot.Views, r.snapshot.Views) && slices.Equal(last.ingresses, r.ingresses)
}

// addresses are where users reach the Ingress: those of the first view, if
// anything of it is served.
func (r *report) addresses(ingress *networkingv1.Ingress) []netip.Addr {
	if len(r.snapshot.Views) == 0 || len(r.hosts[ingress.UID]) == 0 {
		return nil
	}
	return r.snapshot.Views[0].Addresses
}

// differs tells whether the status of the Ingress is not what it should be:
// that of one that is served has our addresses, and that of any other has
// nothing from us.
func (r *report) differs(ingress *networkingv1.Ingress) bool {
	want := r.addresses(ingress)
	if len(want) == 0 {
		return isReported(ingress)
	}
	return !isReported(ingress) || !slices.EqualFunc(ingress.Status.LoadBalancer.Ingress, want,
		func(have networkingv1.IngressLoadBalancerIngress, address netip.Addr) bool {
			return have.IP == address.String() && have.Hostname == ""
		})
}

// isReported tells whether the Ingress has a status from this gateway; trim
// leaves no other manager's entry.
func isReported(ingress *networkingv1.Ingress) bool { return len(ingress.ManagedFields) > 0 }

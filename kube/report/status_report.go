package report

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// report is what can be reported of one Snapshot. Its maps are shared with the previous
// report, so that its cost depends on the changes.
type report struct {
	snapshot  *gatelodge.Snapshot
	ingresses objects.Table[*networkingv1.Ingress]
	byUID     gatelodge.Map[objects.UID, *networkingv1.Ingress]
	routed    gatelodge.Map[routedHost, bool]
}

// routedHost is a host of which an Ingress has a route.
type routedHost struct {
	uid  types.UID
	host gatelodge.Name
}

// Compare implements gatelodge.Ordered.
func (r routedHost) Compare(q routedHost) int {
	if r.uid != q.uid {
		return strings.Compare(string(r.uid), string(q.uid))
	}
	return r.host.Compare(q.host)
}

// newReport returns a report, which reuses the unchanged parts of last, nil for none.
func newReport(snapshot *gatelodge.Snapshot, ingresses objects.Table[*networkingv1.Ingress], last *report) *report {
	if last == nil {
		last = nothingTold()
	}
	byUID := last.byUID.Edit()
	for _, change := range ingresses.Changes(last.ingresses) {
		if change.Before != nil {
			byUID.Set(objects.UID(change.Before.UID), nil)
		}
		if change.After != nil {
			byUID.Set(objects.UID(change.After.UID), change.After)
		}
	}
	return &report{snapshot: snapshot, ingresses: ingresses, byUID: byUID.Map(), routed: last.routedIn(snapshot)}
}

// ingress returns the Ingress with this UID, or nil.
func (r *report) ingress(u types.UID) *networkingv1.Ingress { return r.byUID.Get(objects.UID(u)) }

func nothingTold() *report { return &report{snapshot: &gatelodge.Snapshot{}} }

// routedIn returns the hosts of each Ingress in a later Snapshot.
func (r *report) routedIn(next *gatelodge.Snapshot) gatelodge.Map[routedHost, bool] {
	routed := r.routed.Edit()
	for name, change := range next.Hosts.Changes(r.snapshot.Hosts) {
		for uid := range askersOf(change.Before) {
			routed.Set(routedHost{uid, name}, false)
		}
		for uid := range askersOf(change.After) {
			routed.Set(routedHost{uid, name}, true)
		}
	}
	return routed.Map()
}

// hosts yields the hosts of an Ingress, sorted.
func (r *report) hosts(uid types.UID) iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		for routed := range r.routed.From(routedHost{uid: uid}) {
			if routed.uid != uid || !yield(routed.host) {
				return
			}
		}
	}
}

// askersOf yields once the UID of each Ingress with a route of the host, or a canary of
// one. The host may be nil.
func askersOf(host *gatelodge.Host) iter.Seq[types.UID] {
	return func(yield func(types.UID) bool) {
		if host == nil {
			return
		}
		seen := make(map[string]bool, 1)
		tell := func(uid string) bool {
			if uid == "" || seen[uid] {
				return true
			}
			seen[uid] = true
			return yield(types.UID(uid))
		}
		for _, route := range host.Routes {
			if !tell(route.Object.UID) || route.Canary != nil && !tell(route.Canary.Object.UID) {
				return
			}
		}
	}
}

// news lists the Ingresses whose report may differ from an earlier one, including those
// that are gone. told is nil for nothing.
func (r *report) news(told *report) map[types.UID]bool {
	if told == nil {
		told = nothingTold()
	}
	news := make(map[types.UID]bool)
	for _, change := range r.ingresses.Changes(told.ingresses) {
		for _, ingress := range []*networkingv1.Ingress{change.Before, change.After} {
			if ingress != nil {
				news[ingress.UID] = true
			}
		}
	}
	if !slices.EqualFunc(told.announced(), r.announced(), slices.Equal[[]netip.Addr]) { // which are in all statuses
		for _, ingress := range r.ingresses.All() {
			news[ingress.UID] = true
		}
	}
	for _, change := range r.snapshot.Hosts.Changes(told.snapshot.Hosts) {
		for uid := range askersOf(change.Before) {
			news[uid] = true
		}
		for uid := range askersOf(change.After) {
			news[uid] = true
		}
	}
	return news
}

// tellsTheSame reports whether nothing in the reports changed, as when endpoints come
// and go.
func (r *report) tellsTheSame(last *report) bool {
	return last != nil && last.snapshot.Hosts == r.snapshot.Hosts && last.snapshot.Problems == r.snapshot.Problems &&
		objects.SameSlice(last.snapshot.Views, r.snapshot.Views) && last.ingresses == r.ingresses
}

// addresses returns where users reach the Ingress: the addresses of the first view in
// which any of it is served.
func (r *report) addresses(ingress *networkingv1.Ingress) []netip.Addr {
	for _, view := range r.snapshot.Views {
		for name := range r.hosts(ingress.UID) {
			for uid := range askersOf(r.snapshot.Hosts.Get(name).In(view.Name)) {
				if uid == ingress.UID {
					return view.Addresses
				}
			}
		}
	}
	return nil
}

// announced returns the addresses of the views.
func (r *report) announced() [][]netip.Addr {
	var all [][]netip.Addr
	for _, view := range r.snapshot.Views {
		all = append(all, view.Addresses)
	}
	return all
}

// differs reports whether the status of the Ingress is not what it should be: the
// gateway's addresses if it is served, and nothing from the gateway otherwise.
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

// isReported reports whether the Ingress has a status from this gateway; trim removes
// the entries of other managers.
func isReported(ingress *networkingv1.Ingress) bool { return len(ingress.ManagedFields) > 0 }

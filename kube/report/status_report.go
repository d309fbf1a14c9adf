package report

import (
	"iter"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// report is what there is to tell of one Snapshot. Its maps are shared with the
// report before, so that it costs what changed.
type report struct {
	snapshot  *gatelodge.Snapshot
	ingresses []*networkingv1.Ingress
	byUID     gatelodge.SharedMap[types.UID, *networkingv1.Ingress]
	hosts     gatelodge.SharedMap[types.UID, []gatelodge.Name] // that an Ingress has a route of
}

// newReport takes from last, nil for none, what did not change.
func newReport(snapshot *gatelodge.Snapshot, ingresses []*networkingv1.Ingress, last *report) *report {
	if last == nil {
		last = nothingTold()
	}
	byUID := last.byUID.Edit()
	old, fresh := objects.Changed(last.ingresses, ingresses)
	for _, ingress := range old {
		byUID.Delete(ingress.UID)
	}
	for _, ingress := range fresh {
		byUID.Put(ingress.UID, ingress)
	}
	return &report{snapshot: snapshot, ingresses: ingresses, byUID: byUID.Map(), hosts: last.hostsIn(snapshot)}
}

func nothingTold() *report { return &report{snapshot: &gatelodge.Snapshot{}} }

// hostsIn returns the hosts of each Ingress in a later Snapshot.
func (r *report) hostsIn(next *gatelodge.Snapshot) gatelodge.SharedMap[types.UID, []gatelodge.Name] {
	lost, got := make(map[types.UID]map[gatelodge.Name]bool), make(map[types.UID][]gatelodge.Name)
	gatelodge.Differences(r.snapshot.Hosts, next.Hosts, gatelodge.CompareHosts, func(before, after *gatelodge.Host) {
		for uid := range askersOf(before) {
			if lost[uid] == nil {
				lost[uid] = make(map[gatelodge.Name]bool)
			}
			lost[uid][before.Name] = true
		}
		for uid := range askersOf(after) {
			got[uid] = append(got[uid], after.Name)
		}
	})
	hosts := r.hosts.Edit()
	for uid, names := range lost {
		kept := slices.DeleteFunc(slices.Clone(r.hosts.Get(uid)), func(name gatelodge.Name) bool { return names[name] })
		if kept = append(kept, got[uid]...); len(kept) > 0 {
			hosts.Put(uid, kept)
		} else {
			hosts.Delete(uid)
		}
	}
	for uid, names := range got {
		if lost[uid] == nil {
			hosts.Put(uid, slices.Concat(r.hosts.Get(uid), names))
		}
	}
	return hosts.Map()
}

// askersOf yields the UID of each Ingress with a route of the host, which may
// be nil, once.
func askersOf(host *gatelodge.Host) iter.Seq[types.UID] {
	return func(yield func(types.UID) bool) {
		if host == nil {
			return
		}
		seen := make(map[string]bool, 1)
		for _, route := range host.Routes {
			if uid := route.Object.UID; uid != "" && !seen[uid] {
				if seen[uid] = true; !yield(types.UID(uid)) {
					return
				}
			}
		}
	}
}

// news lists the Ingresses of which something else may be told than in an
// earlier report; those that are gone are among them. told is nil for nothing.
func (r *report) news(told *report) map[types.UID]bool {
	if told == nil {
		told = nothingTold()
	}
	news := make(map[types.UID]bool)
	old, fresh := objects.Changed(told.ingresses, r.ingresses)
	if !slices.Equal(told.announced(), r.announced()) {
		fresh = r.ingresses // it is told of all of them
	}
	for _, ingress := range slices.Concat(old, fresh) {
		news[ingress.UID] = true
	}
	gatelodge.Differences(told.snapshot.Hosts, r.snapshot.Hosts, gatelodge.CompareHosts, func(before, after *gatelodge.Host) {
		for uid := range askersOf(before) {
			news[uid] = true
		}
		for uid := range askersOf(after) {
			news[uid] = true
		}
	})
	return news
}

// tellsTheSame tells whether nothing changed that is told, as when endpoints
// come and go.
func (r *report) tellsTheSame(last *report) bool {
	return last != nil && objects.SameSlice(last.snapshot.Hosts, r.snapshot.Hosts) && objects.SameSlice(last.snapshot.Problems, r.snapshot.Problems) &&
		objects.SameSlice(last.snapshot.Views, r.snapshot.Views) && slices.Equal(last.ingresses, r.ingresses)
}

// addresses are where users reach the Ingress: those of the first view, if
// anything of it is served.
func (r *report) addresses(ingress *networkingv1.Ingress) []netip.Addr {
	if len(r.hosts.Get(ingress.UID)) == 0 {
		return nil
	}
	return r.announced()
}

// announced are the addresses of the first view.
func (r *report) announced() []netip.Addr {
	if len(r.snapshot.Views) == 0 {
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

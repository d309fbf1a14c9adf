package report

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"gatelodge.dev/kube/objects"

	gatelodge "gatelodge.dev"
)

// told is what a report has to tell of each Ingress, as text.
func (r *report) told() map[types.UID]string {
	told := make(map[types.UID]string)
	for _, ingress := range r.ingresses.All() {
		hosts := slices.Collect(r.hosts(ingress.UID))
		told[ingress.UID] = fmt.Sprint(r.ingress(ingress.UID) == ingress, hosts, r.addresses(ingress))
	}
	return told
}

// A report is made of the one before. It tells what one that was made whole
// does, and its news are all that tells apart any two reports.
func TestReportCostsWhatChangedAndTellsAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var reports []*report
	var last *report
	for range 200 {
		snapshot, ingresses := shuffledReport(random, last)
		last = newReport(snapshot, ingresses, last)
		whole := newReport(snapshot, ingresses, nil)
		if got, want := last.told(), whole.told(); !maps.Equal(got, want) {
			t.Fatalf("told %v, want %v", got, want)
		}
		reports = append(reports, last)
	}
	for range 500 {
		a, b := reports[random.IntN(len(reports))], reports[random.IntN(len(reports))]
		before, now, news := a.told(), b.told(), b.news(a)
		for _, told := range []map[types.UID]string{before, now} {
			for uid := range told {
				if before[uid] != now[uid] && !news[uid] {
					t.Fatalf("Ingress %s: %q became %q, and is no news", uid, before[uid], now[uid])
				}
			}
		}
	}
}

// shuffledReport is a Snapshot and Ingresses some of which differ from those of
// last.
func shuffledReport(random *rand.Rand, last *report) (*gatelodge.Snapshot, objects.Table[*networkingv1.Ingress]) {
	const size = 12
	snapshot := &gatelodge.Snapshot{Views: []*gatelodge.View{{Addresses: addresses("192.0.2.1")}}}
	if random.IntN(10) == 0 {
		snapshot.Views[0].Addresses = addresses("192.0.2.2")
	}
	hosts := make(map[gatelodge.Name]*gatelodge.Host)
	var ingresses objects.Table[*networkingv1.Ingress]
	if last != nil {
		for _, host := range last.snapshot.Hosts.All() {
			hosts[host.Name] = host
		}
		ingresses = last.ingresses
	}
	for range 1 + random.IntN(3) {
		uid := types.UID(fmt.Sprint("ingress", random.IntN(size)))
		fresh := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: string(uid), UID: uid}}
		if key := objects.KeyOf(fresh); ingresses.Get(key) == nil || random.IntN(2) == 0 {
			ingresses = ingresses.With(key, fresh)
		} else {
			ingresses = ingresses.Without(key)
		}
		host := &gatelodge.Host{Name: gatelodge.Name(fmt.Sprintf("host%d.example", random.IntN(size)))}
		for range random.IntN(4) {
			host.Routes = append(host.Routes, &gatelodge.Route{Object: gatelodge.Object{UID: fmt.Sprint("ingress", random.IntN(size))}})
		}
		if hosts[host.Name] = host; random.IntN(3) == 0 {
			delete(hosts, host.Name)
		}
	}
	snapshot.Hosts = gatelodge.HostMap(slices.Collect(maps.Values(hosts))...)
	return snapshot, ingresses
}

package compile

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/publish"
)

// BenchmarkZonesOneEdit makes the zones of two views after one of many hosts got
// another name.
func BenchmarkZonesOneEdit(b *testing.B) {
	for _, size := range []int{2000, 20000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			objs, cfg := manyHosts(size)
			var builder Builder
			builder.Build(objs, cfg)
			before := builder.last
			one := objects.Key{Namespace: "team7", Name: "app7"}
			edited := *objs.Ingresses.Get(one)
			edited.ResourceVersion = "2"
			edited.Spec.Rules = slices.Clone(edited.Spec.Rules)
			edited.Spec.Rules[0].Host = "moved.team8.example.com"
			objs.Ingresses = objs.Ingresses.With(one, &edited)
			builder.Build(objs, cfg)
			after := builder.last
			for b.Loop() {
				publish.MakeViews(after.grants, after.announced, after.secured.Records, after.stored.Challenges, after.stored.Accounts, after.issuing.list, cfg, before.views)
			}
		})
	}
}

// BenchmarkZonesCold makes them from nothing.
func BenchmarkZonesCold(b *testing.B) {
	objs, cfg := manyHosts(20000)
	var builder Builder
	builder.Build(objs, cfg)
	m := builder.last
	for b.Loop() {
		publish.MakeViews(m.grants, m.announced, m.secured.Records, m.stored.Challenges, m.stored.Accounts, m.issuing.list, cfg, nil)
	}
}

// manyHosts is Ingresses of one host each, 50 in a namespace, below a wildcard
// that another namespace has, in two views.
func manyHosts(size int) (objects.Objects, *objects.Config) {
	o := objects.Objects{Now: kubetest.Now}
	ingresses := o.Ingresses.Edit()
	add := func(namespace, name, host string, i int) {
		in := kubetest.BigIngress(metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name), ResourceVersion: "1",
			CreationTimestamp: metav1.NewTime(kubetest.Now.Add(-time.Hour)),
		}, i)
		in.Spec.Rules[0].Host = host
		ingresses.Set(objects.Key{Namespace: namespace, Name: name}, in)
	}
	for i := range size {
		namespace, name := fmt.Sprint("team", i/50), fmt.Sprint("app", i%50)
		add(namespace, name, name+"."+namespace+".example.com", i%50)
	}
	add("wild", "wild", "*.example.com", 0)
	o.Ingresses = ingresses.Map()
	views := []objects.ViewConfig{
		{Name: "inside", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.80")}, Owners: true},
		{Name: "outside", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
	}
	return o, &objects.Config{WithoutClass: true, Views: views, Zones: []objects.ZoneConfig{{
		Name: "example.com", Nameservers: []gatelodge.Name{"ns1.example.com"}, TTL: time.Minute, Views: []string{"inside", "outside"},
	}}}
}

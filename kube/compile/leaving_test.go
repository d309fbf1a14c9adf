package compile

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// TestAddressesThatGoAreNotNamed: neither views nor name servers nor names of
// Services lead to an address that is about to go, while there is another one of its
// family.
func TestAddressesThatGoAreNotNamed(t *testing.T) {
	const v4, v6 = "192.0.2.1 192.0.2.2", "2001:db8::1 2001:db8::2"
	for _, test := range []struct {
		idea, has, annotation, leaving string
		named, withdrawn               string
	}{
		{"nothing goes", v4, "", "", v4, ""},
		{"a replica goes", v4, "", "192.0.2.1", "192.0.2.2", "192.0.2.1"},
		{"the operator says so", v4, "192.0.2.2", "", "192.0.2.1", "192.0.2.2"},
		{"both, one each", v4 + " 192.0.2.3", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1 192.0.2.2"},
		{"the only one", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", ""},
		{"all of them", v4, "192.0.2.1, 192.0.2.2", "", v4, ""},
		{"both families", v4 + " " + v6, "", "192.0.2.1 2001:db8::1", "192.0.2.2 2001:db8::2", "192.0.2.1 2001:db8::1"},
		{"the only one of its family", v4 + " 2001:db8::1", "2001:db8::1", "", v4 + " 2001:db8::1", ""},
		{"an address of another", v4, "198.51.100.1", "203.0.113.1", v4, ""},
	} {
		t.Run(test.idea, func(t *testing.T) {
			var status strings.Builder
			for _, address := range strings.Fields(test.has) {
				fmt.Fprintf(&status, "{ip: %q}, ", address)
			}
			const service = `---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: gatelodge, annotations: {gatelodge.dev/withdraw-addresses: %[2]q, external-dns.kubernetes.io/hostname: %[1]s.example.com}}
spec: {type: LoadBalancer}
status: {loadBalancer: {ingress: [%[3]s]}}
`
			annotation := test.annotation
			if annotation == "" {
				annotation = "198.51.100.9"
			}
			objs := kubetest.Manifests(fmt.Sprintf(service, "gatelodge", annotation, &status) + fmt.Sprintf(service, "gatelodge-dns", annotation, &status))
			objs.Now = kubetest.Now
			until := kubetest.Now.Add(time.Minute)
			for _, address := range strings.Fields(test.leaving) {
				objs.Leaving = objs.Leaving.With([]netip.Addr{netip.MustParseAddr(address)}, until)
			}
			cfg := &objects.Config{
				Views:      []objects.ViewConfig{{Name: "default", Service: kubetest.Namespaced("gatelodge/gatelodge")}},
				DNSService: kubetest.Namespaced("gatelodge/gatelodge-dns"),
				Zones: []objects.ZoneConfig{{
					Name: "example.com", Nameservers: []gatelodge.Name{"ns1.example.com"}, Hostmaster: "hostmaster.example.com",
					TTL: time.Minute, NegativeTTL: time.Second, Views: []string{"default"},
				}},
			}
			var builder Builder
			snapshot := builder.Build(objs, cfg)
			check := func(what string, got []netip.Addr, want string) {
				t.Helper()
				if text := fmt.Sprint(got); text != "["+want+"]" {
					t.Errorf("%s: got %s, want [%s]", what, text, want)
				}
			}
			view := snapshot.Views[0]
			check("view", view.Addresses, test.named)
			check("own", snapshot.Own, test.has)
			check("withdrawn", snapshot.Withdrawn, test.withdrawn)
			check("name server", addressesAt(view.Zones[0], "ns1.example.com"), test.named)
			if test.leaving == "" { // a replica's addresses are the gateway's own alone
				check("name of a Service", addressesAt(view.Zones[0], "gatelodge.example.com"), test.named)
			}
			if snapshot.Problems.Len() > 0 {
				t.Errorf("problems:\n%s", snapshot)
			}
			if test.leaving == "" {
				return
			}
			if !snapshot.RebuildAt.Equal(until) {
				t.Errorf("it is built again at %s, want %s", snapshot.RebuildAt, until)
			}
			if objs.Now = until; test.annotation == "" {
				check("when the time is over", builder.Build(objs, cfg).Withdrawn, "")
			}
		})
	}
}

func addressesAt(zone *gatelodge.Zone, name gatelodge.Name) (addresses []netip.Addr) {
	for _, r := range zone.Nodes.Get(name).Records {
		if objects.IsAddress(r) {
			addresses = append(addresses, netip.MustParseAddr(r.Data))
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return addresses
}

// TestBadWithdrawalIsAProblem: and nothing is withdrawn.
func TestBadWithdrawalIsAProblem(t *testing.T) {
	objs := kubetest.Manifests(`
apiVersion: v1
kind: Service
metadata: {name: gatelodge, namespace: gatelodge, annotations: {gatelodge.dev/withdraw-addresses: "192.0.2.1 192.0.2.2"}}
spec: {type: LoadBalancer}
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}, {ip: 192.0.2.3}]}}
`)
	cfg := &objects.Config{Views: []objects.ViewConfig{{Name: "default", Service: kubetest.Namespaced("gatelodge/gatelodge")}}}
	snapshot := new(Builder).Build(objs, cfg)
	problems := kubetest.Problems(snapshot)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, `annotation gatelodge.dev/withdraw-addresses: "192.0.2.1 192.0.2.2" is not a valid address, write addresses`) {
		t.Errorf("problems: %v", problems)
	}
	if len(snapshot.Views[0].Addresses) != 2 || len(snapshot.Withdrawn) != 0 {
		t.Errorf("named %v, withdrawn %v", snapshot.Views[0].Addresses, snapshot.Withdrawn)
	}
}

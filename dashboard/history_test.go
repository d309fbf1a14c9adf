package dashboard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// lines are the changes of the latest generation, with their details.
func (h *history) lines() (lines []string) {
	for _, g := range h.latest(1) {
		for _, c := range g.Changes {
			line := fmt.Sprintf("%s %s %s", c.Action, c.Kind, c.Name)
			for _, d := range c.Details {
				line += fmt.Sprintf("; %s %s", d.Action, d.Text)
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func TestChangesSayWhatDiffers(t *testing.T) {
	object := gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: "web"}
	route := func(path string) *gatelodge.Route {
		return &gatelodge.Route{Path: path, Backend: "shop/web:80", Policy: &gatelodge.Policy{}, Object: object}
	}
	backend := func(addresses ...string) gatelodge.Map[gatelodge.BackendKey, *gatelodge.Backend] {
		b := &gatelodge.Backend{Key: "shop/web:80"}
		for _, a := range addresses {
			b.Endpoints = append(b.Endpoints, gatelodge.Endpoint{Address: netip.MustParseAddrPort(a)})
		}
		return gatelodge.BackendMap(b)
	}
	views := func(data string) []*gatelodge.View {
		return []*gatelodge.View{{Name: "inside", Zones: []*gatelodge.Zone{{Name: "example.com", Nodes: gatelodge.NodeMap(&gatelodge.Node{
			Name: "a.example.com", Records: []gatelodge.Record{{Name: "a.example.com", Type: "A", Data: data}}})}}}}
	}
	certificate := &gatelodge.Certificate{Names: []gatelodge.Name{"*.example.com"}, NotAfter: now}
	first := &gatelodge.Snapshot{
		Hosts:    gatelodge.HostMap(&gatelodge.Host{Name: "a.example.com", Owner: "shop", Routes: []*gatelodge.Route{route("/"), route("/old")}}),
		Backends: backend("10.0.0.1:80"), Views: views("192.0.2.1"),
		Problems: problems(gatelodge.Problem{Object: object, Reason: gatelodge.BadPath, Message: "it is wrong"}),
	}
	second := &gatelodge.Snapshot{
		Hosts: gatelodge.HostMap(
			&gatelodge.Host{Name: "a.example.com", Owner: "shop", Routes: []*gatelodge.Route{route("/"), route("/new")}},
			&gatelodge.Host{Name: "b.example.com", Owner: "shop"}),
		Backends: backend("10.0.0.2:80"), Views: views("192.0.2.2"), DefaultCertificates: []*gatelodge.Certificate{certificate},
	}
	var h history
	h.add(nil, first, 1, now)
	h.add(first, first, 2, now)
	if g := h.latest(9); len(g) != 1 || g[0].Number != 1 || len(g[0].Counts) != 4 {
		t.Fatalf("remembered are %+v", g)
	}
	h.add(first, second, 3, now)
	want := []string{
		"changed host a.example.com; removed route Prefix /old -> shop/web:80 by Ingress shop/web; added route Prefix /new -> shop/web:80 by Ingress shop/web",
		"added host b.example.com; added owner shop",
		"changed backend shop/web:80; removed endpoint 10.0.0.1:80; added endpoint 10.0.0.2:80",
		"added certificate *.example.com; added until 2026-11-28",
		"changed record a.example.com, view inside; removed a.example.com. 0 IN A 192.0.2.1; added a.example.com. 0 IN A 192.0.2.2",
		"removed problem BadPath; removed it is wrong",
	}
	if got := h.lines(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	h.add(second, &gatelodge.Snapshot{}, 4, now)
	if got := h.lines(); len(got) != 5 || !strings.HasPrefix(got[0], "removed host a.example.com") || !strings.HasPrefix(got[4], "removed record a.example.com, view inside") {
		t.Errorf("everything goes:\n%s", strings.Join(got, "\n"))
	}
}

// TestHistoryIsBounded: in generations, and in what each of them changed.
func TestHistoryIsBounded(t *testing.T) {
	var h history
	var last *gatelodge.Snapshot
	for i := range mostGenerations + 5 {
		var hosts []*gatelodge.Host
		for j := range 200 {
			var routes []*gatelodge.Route
			for k := range 20 {
				routes = append(routes, &gatelodge.Route{Path: fmt.Sprintf("/%d/%s", k, strings.Repeat("x", 300)), Policy: &gatelodge.Policy{}})
			}
			hosts = append(hosts, &gatelodge.Host{Name: gatelodge.Name(fmt.Sprintf("host%d.example%d.com", j, i)), Routes: routes})
		}
		next := &gatelodge.Snapshot{Hosts: gatelodge.HostMap(hosts...)}
		h.add(last, next, uint64(i+1), now)
		last = next
	}
	all := h.latest(1000)
	if len(all) != mostGenerations || all[0].Number != mostGenerations+5 {
		t.Errorf("%d generations are remembered, the latest is %d", len(all), all[0].Number)
	}
	octets := 0
	for _, g := range all {
		if len(g.Changes) != mostChanges || g.More != 400-mostChanges {
			t.Errorf("generation %d has %d changes and %d more", g.Number, len(g.Changes), g.More)
		}
		for _, c := range g.Changes {
			for _, d := range c.Details {
				octets += len(d.Text)
			}
		}
	}
	if octets > mostGenerations*mostChanges*mostDetails*(mostOctets+3) {
		t.Errorf("the details take %d octets", octets)
	}
}

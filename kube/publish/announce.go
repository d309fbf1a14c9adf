package publish

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Announced contains the addresses that the gateway publishes for itself.
type Announced struct {
	Views       map[string]*externaldns.Target // by name of the view
	Nameservers map[string][]netip.Addr
	Own         []netip.Addr // the gateway's addresses, sorted
	Withdrawn   []netip.Addr // those of Own that are withdrawn from answers
	Problems    []gatelodge.Problem
}

// Announce takes the addresses from the configuration, or else from the status of the
// Services. Withdrawn ones are left out if there are others. It returns last if that is
// the same, and reuses the target of each view that did not change.
func Announce(services objects.Table[*corev1.Service], leaving []netip.Addr, cfg *objects.Config, last *Announced) *Announced {
	a := &Announced{Views: make(map[string]*externaldns.Target, len(cfg.Views)), Nameservers: make(map[string][]netip.Addr, len(cfg.Views))}
	for _, view := range cfg.Views {
		addresses := a.announce(view.Addresses, view.Service, services, leaving)
		if len(addresses) == 0 && cfg.HasZoneIn(view.Name) {
			a.problem("views", "view %s has no address to publish: %s", view.Name, noAddress(view.Service))
		}
		a.Views[view.Name] = &externaldns.Target{Addresses: addresses}
	}
	lack := false // for all views
	for i := range cfg.Views {
		view := &cfg.Views[i]
		addresses, service := cfg.NameserversOf(view)
		a.Nameservers[view.Name] = a.announce(addresses, service, services, leaving)
		switch {
		case len(a.Nameservers[view.Name]) > 0 || !cfg.NeedsNameserverAddresses(view.Name):
		case view.DNSService.Name != "":
			a.problem("views", "the name servers have no address to publish in view %s: %s", view.Name, noAddress(service))
		case !lack:
			lack = true
			a.problem("dns.addresses", "the name servers have no address to publish: %s", noAddress(service))
		}
	}
	a.Own, a.Withdrawn = objects.SortedAddresses(a.Own), objects.SortedAddresses(a.Withdrawn)
	if last == nil {
		return a
	}
	for name, t := range a.Views {
		if before := last.Views[name]; before != nil && slices.Equal(before.Addresses, t.Addresses) {
			a.Views[name] = before
		}
	}
	if reflect.DeepEqual(a, last) {
		return last
	}
	return a
}

// announce returns the addresses for answers: the configured ones, or else those of the
// Service.
func (a *Announced) announce(own []netip.Addr, service objects.Key, services objects.Table[*corev1.Service], leaving []netip.Addr) []netip.Addr {
	if object := services.Get(service); len(own) == 0 && object != nil {
		withdrawn, err := intent.Withdrawing(object)
		if err != nil {
			a.problem("views", "Service %s: %v", service, err)
		}
		own, leaving = intent.BalancerAddresses(object), slices.Concat(leaving, withdrawn)
	}
	own = objects.SortedAddresses(own)
	named := objects.Staying(own, leaving)
	a.Own = append(a.Own, own...)
	for _, address := range own {
		if !slices.Contains(named, address) {
			a.Withdrawn = append(a.Withdrawn, address)
		}
	}
	return named
}

func (a *Announced) problem(key, format string, args ...any) {
	a.Problems = append(a.Problems, gatelodge.Problem{
		Object: objects.ConfigObject(key), Reason: gatelodge.ViewUnannounced, Message: fmt.Sprintf(format, args...),
	})
}

func noAddress(service objects.Key) string {
	if service.Name == "" {
		return "none is configured"
	}
	return fmt.Sprintf("none is configured, and Service %s has none in its status", service)
}

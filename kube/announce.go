package kube

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// announced is the addresses under which the gateway says that it can be
// reached.
type announced struct {
	views       map[string]*target // by name of the view
	nameservers []netip.Addr
	problems    []gatelodge.Problem
}

// announce takes the addresses from the configuration, or else from the status
// of the Services. last is returned if it is the same, and with it the target
// of each view that did not change.
func announce(svc *services, cfg *Config, last *announced) *announced {
	a := &announced{views: make(map[string]*target, len(cfg.Views))}
	for _, view := range cfg.Views {
		addresses := announcedBy(view.Addresses, view.Service, svc)
		if len(addresses) == 0 && cfg.hasZoneIn(view.Name) {
			a.problem("views", "view %s has no address to publish: %s", view.Name, noAddress(view.Service))
		}
		a.views[view.Name] = &target{addresses: addresses}
	}
	a.nameservers = announcedBy(cfg.DNSAddresses, cfg.DNSService, svc)
	if len(a.nameservers) == 0 && cfg.needsNameserverAddresses() {
		a.problem("dns.addresses", "the name servers have no address to publish: %s", noAddress(cfg.DNSService))
	}
	if last == nil {
		return a
	}
	for name, t := range a.views {
		if before := last.views[name]; before != nil && slices.Equal(before.addresses, t.addresses) {
			a.views[name] = before
		}
	}
	if reflect.DeepEqual(a, last) {
		return last
	}
	return a
}

func (a *announced) problem(key, format string, args ...any) {
	a.problems = append(a.problems, gatelodge.Problem{
		Object: configObject(key), Reason: gatelodge.ViewUnannounced, Message: fmt.Sprintf(format, args...),
	})
}

func noAddress(service types.NamespacedName) string {
	if service.Name == "" {
		return "none is configured"
	}
	return fmt.Sprintf("none is configured, and Service %s has none in its status", service)
}

func announcedBy(configured []netip.Addr, service types.NamespacedName, svc *services) []netip.Addr {
	if len(configured) > 0 {
		return sortedAddresses(configured)
	}
	if object := svc.byName[service]; object != nil {
		return balancerAddresses(object)
	}
	return nil
}

// balancerAddresses are those of the load balancer of a Service.
func balancerAddresses(service *corev1.Service) []netip.Addr {
	var addresses []netip.Addr
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil && address.Zone() == "" {
			addresses = append(addresses, address.Unmap())
		}
	}
	return sortedAddresses(addresses)
}

func (c *Config) hasZoneIn(view string) bool {
	return slices.ContainsFunc(c.Zones, func(z ZoneConfig) bool { return slices.Contains(z.Views, view) })
}

// needsNameserverAddresses tells whether a name server lies in its own zone
// and has no address there by a static record.
func (c *Config) needsNameserverAddresses() bool {
	for _, zone := range c.Zones {
		for _, ns := range zone.Nameservers {
			static := slices.ContainsFunc(zone.Records, func(r gatelodge.Record) bool { return r.Name == ns && isAddress(r) })
			if ns.Within(zone.Name) && !static {
				return true
			}
		}
	}
	return false
}

package intent

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// BalancerAddresses returns the addresses of a Service's load balancer.
func BalancerAddresses(service *corev1.Service) []netip.Addr {
	var addresses []netip.Addr
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil && address.Zone() == "" {
			addresses = append(addresses, address.Unmap())
		}
	}
	return objects.SortedAddresses(addresses)
}

// Withdrawing returns the addresses that a Service withdraws, and an error if its
// annotation is not valid.
func Withdrawing(service *corev1.Service) ([]netip.Addr, error) {
	value, ok := service.Annotations[annotations.WithdrawAnnotation]
	if !ok {
		return nil, nil
	}
	var addresses []netip.Addr
	for item := range strings.SplitSeq(value, ",") {
		address, err := netip.ParseAddr(strings.TrimSpace(item))
		if err != nil || address.Zone() != "" {
			return nil, fmt.Errorf("annotation %s: %.60q is not a valid address, write addresses of its load balancer separated by commas, such as 192.0.2.1", annotations.WithdrawAnnotation, item)
		}
		addresses = append(addresses, address.Unmap())
	}
	return addresses, nil
}

// readPublication reads the annotations of a Service.
func (r *Reading) readPublication(service *corev1.Service, parts serviceParts, objs *objects.Objects) *Claimant {
	cfg := r.cfg
	p := &Claimant{
		Applicant: Applicant{Object: objs.ObjectOf("Service", &service.ObjectMeta), Since: service.CreationTimestamp.Time},
	}
	if _, controller, ok := externaldns.Find(service.Annotations, "controller"); ok && controller != externaldns.OurController {
		return p
	}
	outside, inside := p.namesOf(service, "hostname", cfg), p.namesOf(service, "internal-hostname", cfg)
	var list annotations.Ineffective
	if len(outside)+len(inside) > 0 {
		a := externaldns.ReadService(service.Annotations, p.problem)
		if _, err := Withdrawing(service); err != nil {
			p.problem(gatelodge.BadAnnotation, "%v", err)
		}
		p.publish(service, "hostname", outside, leadOf(service, false, &a, parts), &a, &list)
		p.publish(service, "internal-hostname", inside, leadOf(service, true, &a, parts), &a, &list)
	}
	if len(p.Claims) > 0 {
		p.setViews(service.Annotations[annotations.ViewsAnnotation], nil, r.tenants.list[service.Namespace].Views, cfg)
	}
	if len(cfg.Zones) > 0 {
		p.addIneffective(service, len(p.Claims) > 0, &list)
	}
	if len(list) > 0 {
		p.problem(gatelodge.UnknownAnnotation, "%s", list)
	}
	return p
}

// namesOf reads a list of names. Names outside the gateway's zones are not claimed,
// because others publish them.
func (p *Claimant) namesOf(service *corev1.Service, annotation string, cfg *objects.Config) (names []gatelodge.Name) {
	key, value, ok := externaldns.Find(service.Annotations, annotation)
	if !ok {
		return nil
	}
	for item := range strings.SplitSeq(value, ",") {
		name, err := syntax.RuleHost(strings.TrimSpace(item))
		if err != nil || name == "" {
			p.problem(gatelodge.BadAnnotation, "annotation %s: %.60q is not a valid name%s, expected names separated by commas", key, item, syntax.WriteInstead(item))
			continue
		}
		if cfg.HasZoneOf(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// publish adds claims for records of names, and of the pods and ports below them.
func (p *Claimant) publish(service *corev1.Service, annotation string, names []gatelodge.Name, lead serviceLead, a *externaldns.Ask, list *annotations.Ineffective) {
	if len(names) == 0 {
		return
	}
	if lead.target == nil {
		key, _, _ := externaldns.Find(service.Annotations, annotation)
		list.Add(key, "a Service of type ClusterIP is reached inside of the cluster alone; write internal-hostname, or say by target where its names are to lead")
		return
	}
	if lead.problem != "" {
		p.problem(gatelodge.BadRecord, "%s", lead.problem)
	}
	for _, name := range names {
		p.lead(name, lead.target, a)
		if name.IsWildcard() {
			continue
		}
		for _, pod := range slices.Sorted(maps.Keys(lead.pods)) {
			if below, err := gatelodge.ParseName(pod + "." + string(name)); err == nil {
				p.lead(below, lead.pods[pod], a)
			}
		}
		if serviceType(service) == corev1.ServiceTypeNodePort && a.Target == nil {
			ports := portRecords(service, name)
			for _, below := range slices.Sorted(maps.Keys(ports)) {
				if at, err := gatelodge.ParseName(below + "." + string(name)); err == nil && !p.claims(at) {
					set := ports[below]
					set.TTL = a.TTL
					p.addRecords(at, set)
				}
			}
		}
	}
}

// lead leads a name to a target. The first one is used.
func (p *Claimant) lead(name gatelodge.Name, t *externaldns.Target, a *externaldns.Ask) {
	if p.claims(name) {
		return
	}
	if claim := p.claim(name); claim != nil {
		claim.Target, claim.TTL = t, a.TTL
	}
}

// addIneffective lists the other annotations of ExternalDNS on a Service that have
// no effect there.
func (p *Claimant) addIneffective(service *corev1.Service, publishes bool, list *annotations.Ineffective) {
	_, _, outside := externaldns.Find(service.Annotations, "hostname")
	_, _, inside := externaldns.Find(service.Annotations, "internal-hostname")
	for key := range service.Annotations {
		if !externaldns.Has(key) {
			continue
		}
		switch name := key[strings.Index(key, "/")+1:]; {
		case name == "hostname", name == "internal-hostname", name == "controller":
		case name == "ingress-hostname-source":
			list.Add(key, "it belongs on an Ingress")
		case !outside && !inside:
			list.Add(key, "without hostname or internal-hostname")
		case !publishes: // others publish the names, or their lack of effect is reported
		case name == "access" && serviceType(service) != corev1.ServiceTypeNodePort:
			list.Add(key, "the type of the Service is not NodePort")
		case name == "endpoints-type" && !isHeadless(service):
			list.Add(key, "the Service is not headless")
		case !externaldns.SaysMoreOfService(name):
			list.Add(key, "")
		}
	}
}

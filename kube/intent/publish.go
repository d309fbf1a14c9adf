package intent

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// BalancerAddresses are those of the load balancer of a Service.
func BalancerAddresses(service *corev1.Service) []netip.Addr {
	var addresses []netip.Addr
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if address, err := netip.ParseAddr(ingress.IP); err == nil && address.Zone() == "" {
			addresses = append(addresses, address.Unmap())
		}
	}
	return SortedAddresses(addresses)
}

// OurController is what the annotation "controller" says, if anything, where
// ExternalDNS, and so we, are meant.
const OurController = "dns-controller"

// readPublication reads the annotations of a Service.
func readPublication(service *corev1.Service, parts serviceParts, objs *objects.Objects, cfg *objects.Config) *Claimant {
	p := &Claimant{
		Applicant: Applicant{Object: objs.ObjectOf("Service", &service.ObjectMeta), Since: service.CreationTimestamp.Time},
	}
	if _, controller, ok := externalDNS(service.Annotations, "controller"); ok && controller != OurController {
		return p
	}
	outside, inside := p.namesOf(service, "hostname", cfg), p.namesOf(service, "internal-hostname", cfg)
	var list ineffective
	if len(outside)+len(inside) > 0 {
		var a asked
		for _, row := range serviceAnnotationTable() {
			if key, value, ok := externalDNS(service.Annotations, row.name); ok {
				if err := row.set(&a, value); err != nil {
					p.problem(gatelodge.BadAnnotation, "annotation %s: %.60q %v, expected %s", key, value, err, row.expects)
				}
			}
		}
		p.publish(service, "hostname", outside, leadOf(service, false, &a.Records, parts), &a.Records, &list)
		p.publish(service, "internal-hostname", inside, leadOf(service, true, &a.Records, parts), &a.Records, &list)
	}
	if len(cfg.Zones) > 0 {
		p.addIneffective(service, len(p.Claims) > 0, &list)
	}
	if len(list) > 0 {
		p.problem(gatelodge.UnknownAnnotation, "%s", list)
	}
	return p
}

// serviceAnnotationTable lists the annotations of ExternalDNS that say more of the
// names of a Service.
func serviceAnnotationTable() []annotation {
	table := []annotation{
		{"access", "public or private", oneOf(func(a *asked) *string { return &a.Records.access }, "public", "private"), false},
		{"endpoints-type", "NodeExternalIP or HostIP", oneOf(func(a *asked) *string { return &a.Records.endpoints }, "NodeExternalIP", "HostIP"), false},
	}
	for _, row := range recordAnnotationTable() {
		if row.name == "ttl" || row.name == "target" {
			table = append(table, row)
		}
	}
	return table
}

// oneOf reads one of a few words.
func oneOf(field func(*asked) *string, words ...string) func(*asked, string) error {
	return func(a *asked, value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("is not %s", strings.Join(words, " or "))
		}
		*field(a) = value
		return nil
	}
}

// namesOf reads a list of names. A name outside of our zones is for others to
// publish, so it is not claimed.
func (p *Claimant) namesOf(service *corev1.Service, annotation string, cfg *objects.Config) (names []gatelodge.Name) {
	key, value, ok := externalDNS(service.Annotations, annotation)
	if !ok {
		return nil
	}
	for item := range strings.SplitSeq(value, ",") {
		name, err := ruleHost(strings.TrimSpace(item))
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

// publish asks for records of names, and of the pods and ports below them.
func (p *Claimant) publish(service *corev1.Service, annotation string, names []gatelodge.Name, lead serviceLead, a *recordAsk, list *ineffective) {
	if len(names) == 0 {
		return
	}
	if lead.target == nil {
		key, _, _ := externalDNS(service.Annotations, annotation)
		list.add(key, "a Service of type ClusterIP is reached inside of the cluster alone; write internal-hostname, or say by target where its names are to lead")
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

// lead asks for a name to lead to a target. What is listed first counts.
func (p *Claimant) lead(name gatelodge.Name, t *Target, a *recordAsk) {
	if p.claims(name) {
		return
	}
	if claim := p.claim(name); claim != nil {
		claim.Target, claim.TTL = t, a.TTL
	}
}

// addIneffective lists the other annotations of ExternalDNS on a Service that have
// no effect there.
func (p *Claimant) addIneffective(service *corev1.Service, publishes bool, list *ineffective) {
	_, _, outside := externalDNS(service.Annotations, "hostname")
	_, _, inside := externalDNS(service.Annotations, "internal-hostname")
	for key := range service.Annotations {
		if !IsExternalDNS(key) {
			continue
		}
		switch name := key[strings.Index(key, "/")+1:]; {
		case name == "hostname", name == "internal-hostname", name == "controller":
		case name == "ingress-hostname-source":
			list.add(key, "it belongs on an Ingress")
		case !outside && !inside:
			list.add(key, "without hostname or internal-hostname")
		case !publishes: // the names are others' to publish, or that they have no effect is told
		case name == "access" && serviceType(service) != corev1.ServiceTypeNodePort:
			list.add(key, "the type of the Service is not NodePort")
		case name == "endpoints-type" && !isHeadless(service):
			list.add(key, "the Service is not headless")
		case !slices.ContainsFunc(serviceAnnotationTable(), func(row annotation) bool { return row.name == name }):
			list.add(key, "")
		}
	}
}

// externalDNS finds an annotation of ExternalDNS; the newer prefix wins.
func externalDNS(annotations map[string]string, name string) (key, value string, ok bool) {
	for _, prefix := range []string{ExternalDNSPrefix, ExternalDNSAlpha} {
		if value, ok := annotations[prefix+name]; ok {
			return prefix + name, strings.TrimSpace(value), true
		}
	}
	return "", "", false
}

// SortedAddresses returns the addresses in order and without duplicates, in a
// slice of their own.
func SortedAddresses(addresses []netip.Addr) []netip.Addr {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}

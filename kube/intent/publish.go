package intent

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
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
func readPublication(service *corev1.Service, objs *objects.Objects, cfg *objects.Config) *Claimant {
	p := &Claimant{
		Applicant: Applicant{Object: objs.ObjectOf("Service", &service.ObjectMeta), Since: service.CreationTimestamp.Time},
	}
	if _, controller, ok := externalDNS(service.Annotations, "controller"); ok && controller != OurController {
		return p
	}
	var outside, inside *Target
	var leftOut string
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		outside, leftOut = balancerTarget(service)
	}
	if service.Spec.Type != corev1.ServiceTypeExternalName {
		inside = clusterTarget(service)
	}
	p.read(service, "hostname", outside, cfg)
	p.read(service, "internal-hostname", inside, cfg)
	if len(p.Claims) == 0 {
		return p
	}
	var a asked
	for _, row := range recordAnnotationTable() {
		if key, value, ok := externalDNS(service.Annotations, row.name); ok && (row.name == "ttl" || row.name == "target") {
			if err := row.set(&a, value); err != nil {
				p.problem(gatelodge.BadAnnotation, "annotation %s: %.60q %v, expected %s", key, value, err, row.expects)
			}
		}
	}
	outward := false
	for i := range p.Claims {
		ask := &p.Claims[i]
		ask.TTL = a.Records.TTL
		if ask.Target != outside {
			continue
		}
		outward = true
		if a.Records.Target != nil {
			ask.Target = a.Records.Target
		}
	}
	if outward && leftOut != "" && a.Records.Target == nil {
		p.problem(gatelodge.BadRecord, "status.loadBalancer: %s; say by the annotation %starget where the names are to lead", leftOut, ExternalDNSPrefix)
	}
	return p
}

// read reads a list of names that lead to t, nil where the Service's type gives
// the annotation no meaning. A name outside of our zones is for others to
// publish, so it is not claimed.
func (p *Claimant) read(service *corev1.Service, annotation string, t *Target, cfg *objects.Config) {
	key, value, ok := externalDNS(service.Annotations, annotation)
	if !ok || t == nil {
		return
	}
	for item := range strings.SplitSeq(value, ",") {
		name, err := ruleHost(strings.TrimSpace(item))
		if err != nil || name == "" {
			p.problem(gatelodge.BadAnnotation, "annotation %s: %.60q is not a valid name%s, expected names separated by commas", key, item, WriteInstead(item))
			continue
		}
		if p.claims(name) || !cfg.HasZoneOf(name) {
			continue
		}
		if claim := p.claim(name); claim != nil {
			claim.Target = t
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

// balancerTarget is where a Service is reached from outside: at the addresses of
// its load balancer, or under its name where it has a name only. A name can be an
// alias of one other alone (RFC 1034 §3.6.2), so leftOut says what else there is.
func balancerTarget(service *corev1.Service) (t *Target, leftOut string) {
	t = &Target{Addresses: BalancerAddresses(service)}
	var names []gatelodge.Name
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if ingress.Hostname == "" || ingress.IP != "" {
			continue
		}
		name, err := targetName(ingress.Hostname)
		if err != nil {
			leftOut = fmt.Sprintf("%.60q %v", ingress.Hostname, err)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case len(names) == 0:
	case len(t.Addresses) > 0:
		leftOut = fmt.Sprintf("%s is left out, because there are addresses too", names[0])
	default:
		t.Alias = names[0]
		if len(names) > 1 {
			leftOut = fmt.Sprintf("%s is left out, because a name can be an alias of one other alone, and that is %s", names[1], names[0])
		}
	}
	return t, leftOut
}

// clusterTarget is where a Service is reached from inside of the cluster. A
// headless one has no address of its own.
func clusterTarget(service *corev1.Service) *Target {
	t := &Target{}
	for _, text := range service.Spec.ClusterIPs {
		if address, err := netip.ParseAddr(text); err == nil {
			t.Addresses = append(t.Addresses, address.Unmap())
		}
	}
	t.Addresses = SortedAddresses(t.Addresses)
	return t
}

// SortedAddresses returns the addresses in order and without duplicates, in a
// slice of their own.
func SortedAddresses(addresses []netip.Addr) []netip.Addr {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}

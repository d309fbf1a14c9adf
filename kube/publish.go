package kube

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// publication is what one Service, by the annotations of ExternalDNS, or one
// DNSEndpoint asks to have published, read from that object alone. It gets
// records, and neither route nor certificate.
type publication struct {
	applicant
	version  version
	asks     []publishAsk
	problems []gatelodge.Problem
}

// publishAsk is a name and either where it leads, as of a Service, or its
// records, as of a DNSEndpoint.
type publishAsk struct {
	name   gatelodge.Name
	target *target
	ttl    time.Duration // 0: that of the zone

	records *recordSets
}

// publications is the objects that ask for names alone, the oldest first.
type publications struct {
	cfg       *Config
	services  []*corev1.Service
	endpoints []*DNSEndpoint

	list     []*publication
	problems []gatelodge.Problem
}

func readPublications(services []*corev1.Service, objects *Objects, cfg *Config, last *publications) *publications {
	if last == nil {
		last = &publications{}
	} else if last.cfg == cfg && sameSlice(last.services, services) && slices.Equal(last.endpoints, objects.DNSEndpoints) {
		return last
	}
	p := &publications{cfg: cfg, services: services, endpoints: objects.DNSEndpoints}
	before := make(map[types.UID]*publication, len(last.list))
	if last.cfg == cfg { // whose zones decide what is read
		for _, pub := range last.list {
			before[pub.version.uid] = pub
		}
	}
	add := func(meta *metav1.ObjectMeta, read func() *publication) {
		if !cfg.hasNamespace(meta.Namespace) {
			return
		}
		pub := before[meta.UID]
		if pub == nil || pub.version != objects.versionOf(meta) {
			pub = read()
		}
		if len(pub.asks) > 0 || len(pub.problems) > 0 {
			p.list = append(p.list, pub)
		}
	}
	for _, service := range services {
		if len(service.Annotations) > 0 {
			add(&service.ObjectMeta, func() *publication { return readPublication(service, objects, cfg) })
		}
	}
	for _, endpoint := range objects.DNSEndpoints {
		add(&endpoint.ObjectMeta, func() *publication { return readDNSEndpoint(endpoint, objects, cfg) })
	}
	slices.SortFunc(p.list, func(a, b *publication) int { return a.compare(&b.applicant) })
	for _, pub := range p.list {
		p.problems = append(p.problems, pub.problems...)
	}
	if slices.Equal(p.list, last.list) && last.cfg == cfg {
		p.list = last.list
	}
	return p
}

// ourController is what the annotation "controller" says, if anything, where
// ExternalDNS, and so we, are meant.
const ourController = "dns-controller"

// readPublication reads the annotations of a Service.
func readPublication(service *corev1.Service, objects *Objects, cfg *Config) *publication {
	p := &publication{
		applicant: applicant{object: objects.objectOf("Service", &service.ObjectMeta), since: service.CreationTimestamp.Time},
		version:   objects.versionOf(&service.ObjectMeta),
	}
	if _, controller, ok := externalDNS(service.Annotations, "controller"); ok && controller != ourController {
		return p
	}
	var outside, inside *target
	if service.Spec.Type == corev1.ServiceTypeLoadBalancer {
		outside = balancerTarget(service)
	}
	if service.Spec.Type != corev1.ServiceTypeExternalName {
		inside = clusterTarget(service)
	}
	p.read(service, "hostname", outside, cfg)
	p.read(service, "internal-hostname", inside, cfg)
	if len(p.asks) == 0 {
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
	for i := range p.asks {
		ask := &p.asks[i]
		ask.ttl = a.records.ttl
		if a.records.target != nil && ask.target == outside {
			ask.target = a.records.target
		}
	}
	return p
}

// read reads a list of names that lead to t, nil where the Service's type gives
// the annotation no meaning. A name outside of our zones is somebody else's to
// publish, so it is not claimed.
func (p *publication) read(service *corev1.Service, annotation string, t *target, cfg *Config) {
	key, value, ok := externalDNS(service.Annotations, annotation)
	if !ok || t == nil {
		return
	}
	for item := range strings.SplitSeq(value, ",") {
		name, err := ruleHost(strings.TrimSpace(item))
		if err != nil || name == "" {
			p.problem(gatelodge.BadAnnotation, "annotation %s: %.60q is no name, expected names separated by commas", key, item)
			continue
		}
		asked := slices.ContainsFunc(p.asks, func(ask publishAsk) bool { return ask.name == name })
		if !asked && cfg.hasZoneOf(name) {
			p.asks = append(p.asks, publishAsk{name: name, target: t})
		}
	}
}

func (p *publication) problem(reason gatelodge.Reason, format string, args ...any) {
	p.problems = append(p.problems, gatelodge.Problem{Object: p.object, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// externalDNS finds an annotation of ExternalDNS; the newer prefix wins.
func externalDNS(annotations map[string]string, name string) (key, value string, ok bool) {
	for _, prefix := range []string{externalDNSPrefix, externalDNSAlpha} {
		if value, ok := annotations[prefix+name]; ok {
			return prefix + name, strings.TrimSpace(value), true
		}
	}
	return "", "", false
}

// balancerTarget is where a Service is reached from outside: at the addresses of
// its load balancer, or under its name where it has a name only.
func balancerTarget(service *corev1.Service) *target {
	t := &target{addresses: balancerAddresses(service)}
	if len(t.addresses) > 0 {
		return t
	}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if name, err := gatelodge.ParseName(ingress.Hostname); err == nil && !name.IsWildcard() {
			t.alias = name
			break
		}
	}
	return t
}

// clusterTarget is where a Service is reached from inside of the cluster. A
// headless one has no address of its own.
func clusterTarget(service *corev1.Service) *target {
	t := &target{}
	for _, text := range service.Spec.ClusterIPs {
		if address, err := netip.ParseAddr(text); err == nil {
			t.addresses = append(t.addresses, address.Unmap())
		}
	}
	t.addresses = sortedAddresses(t.addresses)
	return t
}

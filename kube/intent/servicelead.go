package intent

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// serviceParts are the objects that are read together with a Service, because it leads
// to them.
type serviceParts struct {
	slices []*discoveryv1.EndpointSlice // of the Service
	nodes  objects.Table[*corev1.Node]
}

// serviceLead is where the names in an annotation of a Service lead, as in ExternalDNS
// (its source/service.go).
type serviceLead struct {
	target  *externaldns.Target            // nil: the annotation has no effect
	pods    map[string]*externaldns.Target // targets of the names below, by the host name of a pod
	problem string                         // what is left out, or why there is nothing; "": no problem
}

// serviceType returns the type of a Service, ClusterIP by default.
func serviceType(service *corev1.Service) corev1.ServiceType {
	return cmp.Or(service.Spec.Type, corev1.ServiceTypeClusterIP)
}

// isHeadless reports whether the Service has no address.
func isHeadless(service *corev1.Service) bool {
	return serviceType(service) == corev1.ServiceTypeClusterIP &&
		(service.Spec.ClusterIP == corev1.ClusterIPNone || slices.Contains(service.Spec.ClusterIPs, corev1.ClusterIPNone))
}

// needsParts reports whether the names of a Service depend on other objects.
func needsParts(service *corev1.Service) bool {
	return service != nil && len(service.Annotations) > 0 && (isHeadless(service) || serviceType(service) == corev1.ServiceTypeNodePort)
}

// leadsToNodes reports whether the names of a Service lead to nodes.
func leadsToNodes(service *corev1.Service) bool {
	_, _, byNode := externaldns.Find(service.Annotations, "endpoints-type")
	_, _, elsewhere := externaldns.Find(service.Annotations, "target")
	return !elsewhere && (serviceType(service) == corev1.ServiceTypeNodePort || byNode && isHeadless(service))
}

// leadOf returns where a Service is reached, from inside or outside the cluster.
func leadOf(service *corev1.Service, inside bool, a *externaldns.Ask, parts serviceParts) serviceLead {
	external := parseAddresses(service.Spec.ExternalIPs)
	switch typ := serviceType(service); {
	case a.Target != nil:
		return serviceLead{target: a.Target}
	case typ == corev1.ServiceTypeExternalName && len(external) > 0, typ == corev1.ServiceTypeLoadBalancer && len(external) > 0 && !inside:
		return serviceLead{target: &externaldns.Target{Addresses: external}}
	case typ == corev1.ServiceTypeExternalName:
		return externalLead(service)
	case typ == corev1.ServiceTypeLoadBalancer && !inside:
		return balancerLead(service)
	case typ == corev1.ServiceTypeNodePort:
		return nodeLead(service, a, parts)
	case isHeadless(service):
		return podLead(a, parts)
	case inside:
		return serviceLead{target: clusterTarget(service)}
	}
	return serviceLead{}
}

// externalLead makes the names aliases of the external name.
func externalLead(service *corev1.Service) serviceLead {
	text := service.Spec.ExternalName
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		return serviceLead{target: &externaldns.Target{Addresses: []netip.Addr{address.Unmap()}}}
	}
	name, err := syntax.ParseTarget(text)
	if err != nil {
		return serviceLead{target: &externaldns.Target{}, problem: fmt.Sprintf("spec.externalName: %.60q %v", text, err)}
	}
	return serviceLead{target: &externaldns.Target{Alias: name}}
}

// balancerLead returns where the load balancer of a Service is: its addresses, or its
// name if it has no address. A name can be an alias of only one other (RFC 1034
// §3.6.2).
func balancerLead(service *corev1.Service) serviceLead {
	leaving, _ := Withdrawing(service) // an error was reported
	t := &externaldns.Target{Addresses: objects.Staying(BalancerAddresses(service), leaving)}
	var names []gatelodge.Name
	var leftOut string
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		if ingress.Hostname == "" || ingress.IP != "" {
			continue
		}
		name, err := syntax.ParseTarget(ingress.Hostname)
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
	if leftOut != "" {
		leftOut = fmt.Sprintf("status.loadBalancer: %s; say by the annotation %starget where the names are to lead", leftOut, externaldns.Prefix)
	}
	return serviceLead{target: t, problem: leftOut}
}

// nodeLead leads to the nodes, on which the ports of the Service are open: to their
// external addresses, or the internal ones if they have no others or "access" says so.
// With externalTrafficPolicy: Local the nodes without a ready endpoint refuse
// connections.
func nodeLead(service *corev1.Service, a *externaldns.Ask, parts serviceParts) serviceLead {
	if parts.nodes.Len() == 0 {
		return serviceLead{target: &externaldns.Target{}, problem: "its names lead to the nodes, and none is known: the gateway may have no right to read Nodes"}
	}
	var outer, inner []netip.Addr
	wanted := readyNodes(parts.slices)
	for key, node := range parts.nodes.All() {
		if service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal && !wanted[key.Name] {
			continue
		}
		outer = append(outer, nodeAddresses(node, corev1.NodeExternalIP)...)
		inner = append(inner, nodeAddresses(node, corev1.NodeInternalIP)...)
	}
	if a.Access == "private" || a.Access == "" && len(outer) == 0 {
		outer = inner
	}
	return bounded(serviceLead{target: &externaldns.Target{Addresses: outer}})
}

// podLead leads to the ready endpoints of a headless Service, or with "endpoints-type"
// to the nodes that they run on. Pods with a name in the Service also have it below its
// names.
func podLead(a *externaldns.Ask, parts serviceParts) serviceLead {
	lead := serviceLead{target: &externaldns.Target{}, pods: make(map[string]*externaldns.Target)}
	if a.Endpoints != "" && parts.nodes.Len() == 0 {
		lead.problem = "endpoints-type leads to the nodes, and none is known: the gateway may have no right to read Nodes"
		return lead
	}
	for endpoint := range readyEndpoints(parts.slices) {
		addresses := parseAddresses(endpoint.Addresses[:1]) // those of one endpoint are fungible
		if a.Endpoints != "" {
			addresses = nil
			if node := nodeOf(endpoint, parts.nodes); node != nil && a.Endpoints == "NodeExternalIP" {
				addresses = nodeAddresses(node, corev1.NodeExternalIP)
			} else if node != nil {
				addresses = nodeAddresses(node, corev1.NodeInternalIP)
				addresses = addresses[:min(1, len(addresses))]
			}
		}
		lead.target.Addresses = append(lead.target.Addresses, addresses...)
		if endpoint.Hostname != nil && *endpoint.Hostname != "" {
			pod := lead.pods[*endpoint.Hostname]
			if pod == nil {
				pod = &externaldns.Target{}
				lead.pods[*endpoint.Hostname] = pod
			}
			pod.Addresses = append(pod.Addresses, addresses...)
		}
	}
	for _, pod := range lead.pods {
		pod.Addresses = objects.SortedAddresses(pod.Addresses)
	}
	return bounded(lead)
}

// bounded sorts the addresses, and keeps as many as fit into a message.
func bounded(lead serviceLead) serviceLead {
	all := objects.SortedAddresses(lead.target.Addresses)
	if len(all) > MaxRecords {
		lead.problem = fmt.Sprintf("its names have %d addresses, the most is %d; the others are left out", len(all), MaxRecords)
		all = all[:MaxRecords]
	}
	lead.target.Addresses = all
	return lead
}

// readyEndpoints yields the ready endpoints with an IP address.
func readyEndpoints(parts []*discoveryv1.EndpointSlice) func(yield func(*discoveryv1.Endpoint) bool) {
	return func(yield func(*discoveryv1.Endpoint) bool) {
		for _, slice := range parts {
			for i := range slice.Endpoints {
				endpoint := &slice.Endpoints[i]
				ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
				if ready && len(endpoint.Addresses) > 0 && slice.AddressType != discoveryv1.AddressTypeFQDN && !yield(endpoint) {
					return
				}
			}
		}
	}
}

func readyNodes(parts []*discoveryv1.EndpointSlice) map[string]bool {
	names := make(map[string]bool)
	for endpoint := range readyEndpoints(parts) {
		if endpoint.NodeName != nil {
			names[*endpoint.NodeName] = true
		}
	}
	return names
}

func nodeOf(endpoint *discoveryv1.Endpoint, nodes objects.Table[*corev1.Node]) *corev1.Node {
	if endpoint.NodeName == nil {
		return nil
	}
	return nodes.Get(objects.Key{Name: *endpoint.NodeName})
}

func nodeAddresses(node *corev1.Node, kind corev1.NodeAddressType) []netip.Addr {
	var texts []string
	for _, address := range node.Status.Addresses {
		if address.Type == kind {
			texts = append(texts, address.Address)
		}
	}
	return parseAddresses(texts)
}

// parseAddresses returns the addresses among texts in their order.
func parseAddresses(texts []string) []netip.Addr {
	var addresses []netip.Addr
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
			addresses = append(addresses, address.Unmap())
		}
	}
	return addresses
}

// clusterTarget returns where a Service is reached inside the cluster.
func clusterTarget(service *corev1.Service) *externaldns.Target {
	texts := service.Spec.ClusterIPs
	if len(texts) == 0 {
		texts = []string{service.Spec.ClusterIP}
	}
	return &externaldns.Target{Addresses: objects.SortedAddresses(parseAddresses(texts))}
}

// portRecords returns the SRV records of the ports of a Service at its nodes (RFC
// 2782), by their names below the Service's.
func portRecords(service *corev1.Service, name gatelodge.Name) map[string]RecordSet {
	sets := make(map[string]RecordSet)
	for _, port := range service.Spec.Ports {
		if port.NodePort == 0 {
			continue
		}
		below := "_" + service.Name + "._" + strings.ToLower(string(cmp.Or(port.Protocol, corev1.ProtocolTCP)))
		set := sets[below]
		set.Rtype = "SRV"
		set.Data = append(set.Data, fmt.Sprintf("0 50 %d %s.", port.NodePort, name))
		slices.Sort(set.Data)
		sets[below] = set
	}
	return sets
}

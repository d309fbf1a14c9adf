package endpoints

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// OfSlices merges the endpoints of all slices, of both address families.
// The port of a slice has the name of the Service port, whatever the target
// port is called or numbered on the pods of that slice. Where topology hints
// say so, those of other zones are left out. What can't be used is a problem of its
// slice.
func OfSlices(parts []*discoveryv1.EndpointSlice, portName string, objs *objects.Objects, cfg *objects.Config) (endpoints []gatelodge.Endpoint, problems []gatelodge.Problem) {
	var all []placed
	for _, slice := range parts {
		port := slicePort(slice, portName)
		if port == 0 {
			continue
		}
		weight, err := weightOf(slice)
		if err != nil {
			problems = append(problems, gatelodge.Problem{
				Object: objs.ObjectOf("EndpointSlice", &slice.ObjectMeta), Reason: gatelodge.BadAnnotation, Message: err.Error(),
			})
		}
		for i := range slice.Endpoints {
			endpoint := &slice.Endpoints[i]
			usable, draining := conditionsOf(endpoint)
			if !usable || len(endpoint.Addresses) == 0 || slice.AddressType == discoveryv1.AddressTypeFQDN {
				continue
			}
			// The addresses of one endpoint are fungible: the first is enough.
			address, err := readAddress(endpoint.Addresses[0], cfg)
			if err != nil {
				problems = append(problems, gatelodge.Problem{
					Object: objs.ObjectOf("EndpointSlice", &slice.ObjectMeta), Reason: gatelodge.BackendUnsupported, Message: err.Error(),
				})
				continue
			}
			all = append(all, placed{gatelodge.Endpoint{Address: netip.AddrPortFrom(address, port), Weight: weight, Draining: draining}, zonesOf(endpoint)})
		}
	}
	for _, p := range nearby(all, cfg.Zone) {
		endpoints = append(endpoints, p.Endpoint)
	}
	// While an endpoint moves from one slice to another it can be in both: the better
	// state is used.
	slices.SortFunc(endpoints, func(a, b gatelodge.Endpoint) int {
		if c := a.Address.Compare(b.Address); c != 0 || a.Draining == b.Draining {
			return c
		}
		if b.Draining {
			return -1
		}
		return 1
	})
	return slices.CompactFunc(endpoints, func(a, b gatelodge.Endpoint) bool { return a.Address == b.Address }), problems
}

// weightOf reads the weight of the endpoints of a slice, which is 1 without a valid
// one.
func weightOf(slice *discoveryv1.EndpointSlice) (int, error) {
	value, ok := slice.Annotations[annotations.WeightAnnotation]
	if !ok {
		return 1, nil
	}
	weight, err := annotations.ParseWeight(value)
	if err != nil {
		return weight, fmt.Errorf("annotation %s: %.60q %w", annotations.WeightAnnotation, value, err)
	}
	return weight, nil
}

// slicePort finds the number of the slice's TCP port of this name; 0 if there
// is none.
func slicePort(slice *discoveryv1.EndpointSlice, name string) uint16 {
	for _, port := range slice.Ports {
		switch {
		case port.Port == nil || *port.Port < 1 || *port.Port > 65535:
		case port.Protocol != nil && *port.Protocol != corev1.ProtocolTCP:
		case port.Name == nil && name == "", port.Name != nil && *port.Name == name:
			return uint16(*port.Port)
		}
	}
	return 0
}

// conditionsOf reads the conditions of an endpoint. Missing ones have defaults: ready
// is true, and serving is the value of ready.
func conditionsOf(endpoint *discoveryv1.Endpoint) (usable, draining bool) {
	c := &endpoint.Conditions
	ready := c.Ready == nil || *c.Ready
	serving := ready
	if c.Serving != nil {
		serving = *c.Serving
	}
	terminating := c.Terminating != nil && *c.Terminating
	return ready || serving && terminating, !ready
}

// readAddress reads an address that traffic may be sent to.
func readAddress(text string, cfg *objects.Config) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("endpoint %.60q is not a valid IP address", text)
	}
	address = address.Unmap()
	if err := cfg.CheckAddress(address); err != nil {
		return netip.Addr{}, fmt.Errorf("endpoint %w", err)
	}
	return address, nil
}

// HasAddress reports whether a Service has its own address in the cluster.
func HasAddress(service *corev1.Service) bool {
	ip := service.Spec.ClusterIP
	return ip != "" && ip != corev1.ClusterIPNone
}

// OfService returns the address of the Service, at the port of the Service.
func OfService(service *corev1.Service, port *corev1.ServicePort, cfg *objects.Config) ([]gatelodge.Endpoint, error) {
	address, err := readAddress(service.Spec.ClusterIP, cfg)
	if err != nil {
		return nil, err
	}
	return []gatelodge.Endpoint{{Address: netip.AddrPortFrom(address, uint16(port.Port)), Weight: 1}}, nil
}

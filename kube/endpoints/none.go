package endpoints

import (
	"fmt"
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
)

// WhyNone returns why a port of a Service has no endpoints in its slices: none is
// ready, none has a port of this name, or there are none.
func WhyNone(service, portName string, parts []*discoveryv1.EndpointSlice) string {
	var unready int
	var ports []string
	for _, slice := range parts {
		if slicePort(slice, portName) == 0 {
			ports = append(ports, portsOf(slice)...)
			continue
		}
		for i := range slice.Endpoints {
			if usable, _ := conditionsOf(&slice.Endpoints[i]); !usable {
				unready++
			}
		}
	}
	switch {
	case unready > 0:
		return fmt.Sprintf("none of the %d endpoints of Service %s is ready: the readiness probes of its pods fail, or they have just begun", unready, service)
	case len(ports) > 0:
		slices.Sort(ports)
		return fmt.Sprintf("the EndpointSlices of Service %s have no port named %q, they have %s: the targetPort of the Service names a port that its pods don't have",
			service, portName, strings.Join(slices.Compact(ports), ", "))
	}
	return fmt.Sprintf("Service %s has no endpoints: no pod matches its selector", service)
}

// portsOf names the ports of a slice.
func portsOf(slice *discoveryv1.EndpointSlice) (names []string) {
	for _, port := range slice.Ports {
		switch {
		case port.Name != nil && *port.Name != "":
			names = append(names, fmt.Sprintf("%q", *port.Name))
		case port.Port != nil:
			names = append(names, fmt.Sprintf("%d without a name", *port.Port))
		}
	}
	return names
}

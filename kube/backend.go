package kube

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// backendRef is what a route says of its backend. Equal keys mean equal
// content.
type backendRef struct {
	key      string
	port     ServicePort
	protocol gatelodge.BackendProtocol // "": what the Service port says
}

// newBackendRef names a backend by what its author wrote, so that the key is
// the same before and after the Service exists, and does not change with it.
func newBackendRef(port ServicePort, protocol gatelodge.BackendProtocol) *backendRef {
	key := port.Namespace + "/" + port.Name + ":" + port.Port
	if protocol != "" {
		key += "+" + string(protocol)
	}
	return &backendRef{key: key, port: port, protocol: protocol}
}

// services finds Services, and their EndpointSlices, by name.
type services struct {
	list   []*corev1.Service
	byName map[types.NamespacedName]*corev1.Service
}

func newServices(list []*corev1.Service, last *services) *services {
	if last != nil && slices.Equal(last.list, list) {
		return last
	}
	s := &services{list: list, byName: make(map[types.NamespacedName]*corev1.Service, len(list))}
	for _, service := range list {
		s.byName[nameOf(&service.ObjectMeta)] = service
	}
	return s
}

// endpointSlices are grouped by the Service that they belong to.
type endpointSlices struct {
	list      []*discoveryv1.EndpointSlice
	byService map[types.NamespacedName][]*discoveryv1.EndpointSlice
}

func newEndpointSlices(list []*discoveryv1.EndpointSlice, last *endpointSlices) *endpointSlices {
	if last != nil && slices.Equal(last.list, list) {
		return last
	}
	s := &endpointSlices{list: list, byService: make(map[types.NamespacedName][]*discoveryv1.EndpointSlice, len(list))}
	for _, slice := range list {
		if service := slice.Labels[discoveryv1.LabelServiceName]; service != "" {
			name := types.NamespacedName{Namespace: slice.Namespace, Name: service}
			s.byService[name] = append(s.byService[name], slice)
		}
	}
	return s
}

// backends is every Backend that a route names.
type backends struct {
	hosts    *hosts
	services *services
	slices   *endpointSlices
	cfg      *Config

	list     []*gatelodge.Backend // sorted by key
	byKey    map[string]*backendResult
	problems []gatelodge.Problem
}

// backendResult is a Backend and what it was made of.
type backendResult struct {
	service *corev1.Service
	slices  []*discoveryv1.EndpointSlice
	cfg     *Config

	backend  *gatelodge.Backend
	failure  *failure // nil: the Service port is there
	problems []gatelodge.Problem
}

// failure says why there is nothing behind a reference. Everybody who refers to
// it is told.
type failure struct {
	reason  gatelodge.Reason
	message string
}

func makeBackends(h *hosts, svc *services, eps *endpointSlices, objects *Objects, cfg *Config, last *backends) *backends {
	if last != nil && last.hosts == h && last.services == svc && last.slices == eps && last.cfg == cfg {
		return last
	}
	b := &backends{
		hosts: h, services: svc, slices: eps, cfg: cfg,
		list:  make([]*gatelodge.Backend, len(h.refs)),
		byKey: make(map[string]*backendResult, len(h.refs)),
	}
	failed := make(map[string]*failure)
	for i, ref := range h.refs {
		name := types.NamespacedName{Namespace: ref.port.Namespace, Name: ref.port.Name}
		service, parts := svc.byName[name], eps.byService[name]
		var before *backendResult
		if last != nil {
			before = last.byKey[ref.key]
		}
		result := before
		if before == nil || before.service != service || before.cfg != cfg || !slices.Equal(before.slices, parts) {
			result = makeBackend(ref, service, parts, objects, cfg)
			if before != nil && reflect.DeepEqual(before.backend, result.backend) {
				result.backend = before.backend
			}
		}
		b.list[i], b.byKey[ref.key] = result.backend, result
		b.problems = append(b.problems, result.problems...)
		if result.failure != nil {
			failed[ref.key] = result.failure
		}
	}
	b.tell(failed)
	return b
}

// tell reports what failed to every object that has a route to it.
func (b *backends) tell(failed map[string]*failure) {
	if len(failed) == 0 {
		return
	}
	for _, host := range b.hosts.list {
		for _, route := range host.Routes {
			if f := failed[route.Backend]; f != nil {
				b.problems = append(b.problems, gatelodge.Problem{Object: route.Object, Reason: f.reason, Message: f.message})
			}
		}
	}
}

func makeBackend(ref *backendRef, service *corev1.Service, parts []*discoveryv1.EndpointSlice, objects *Objects, cfg *Config) *backendResult {
	r := &backendResult{service: service, slices: parts, cfg: cfg}
	r.backend = &gatelodge.Backend{
		Key: ref.key, Namespace: ref.port.Namespace, Service: ref.port.Name,
		Protocol: gatelodge.BackendHTTP,
	}
	if ref.protocol != "" {
		r.backend.Protocol = ref.protocol
	}
	port, failure := findPort(ref, service, cfg)
	if failure != nil {
		r.failure = failure
		return r
	}
	if ref.protocol == "" {
		if r.backend.Protocol, r.failure = protocolOf(ref, port); r.failure != nil {
			return r
		}
	}
	r.addEndpoints(parts, port.Name, objects, cfg)
	return r
}

// findPort finds the port of the Service that a reference names.
func findPort(ref *backendRef, service *corev1.Service, cfg *Config) (*corev1.ServicePort, *failure) {
	name := ref.port.Namespace + "/" + ref.port.Name
	if service == nil {
		return nil, &failure{gatelodge.BackendMissing, fmt.Sprintf("there is no Service %s", name)}
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		why := "which is not available yet"
		if cfg.RefuseExternalNames {
			why = "which this gateway refuses"
		}
		return nil, &failure{gatelodge.BackendUnsupported, fmt.Sprintf("Service %s is of type ExternalName, %s", name, why)}
	}
	for i := range service.Spec.Ports {
		port := &service.Spec.Ports[i]
		tcp := port.Protocol == "" || port.Protocol == corev1.ProtocolTCP
		if tcp && (port.Name == ref.port.Port && port.Name != "" || strconv.Itoa(int(port.Port)) == ref.port.Port) {
			return port, nil
		}
	}
	return nil, &failure{gatelodge.BackendMissing, fmt.Sprintf("Service %s has no TCP port %s, it has %s", name, ref.port.Port, portsText(service))}
}

func portsText(service *corev1.Service) string {
	if len(service.Spec.Ports) == 0 {
		return "none"
	}
	var text string
	for i, port := range service.Spec.Ports {
		if i > 0 {
			text += ", "
		}
		text += strconv.Itoa(int(port.Port))
		if port.Name != "" {
			text += " (" + port.Name + ")"
		}
	}
	return text
}

// protocolOf reads the appProtocol of a Service port (KEP-3726). Names that
// say nothing to a gateway mean HTTP.
func protocolOf(ref *backendRef, port *corev1.ServicePort) (gatelodge.BackendProtocol, *failure) {
	if port.AppProtocol == nil {
		return gatelodge.BackendHTTP, nil
	}
	switch *port.AppProtocol {
	case "kubernetes.io/h2c", "grpc":
		return gatelodge.BackendH2C, nil
	case "https", "kubernetes.io/wss":
		return gatelodge.BackendHTTP, &failure{gatelodge.BackendUnsupported,
			fmt.Sprintf("port %s of Service %s/%s has appProtocol %s, which is not available yet", ref.port.Port, ref.port.Namespace, ref.port.Name, *port.AppProtocol)}
	}
	return gatelodge.BackendHTTP, nil
}

// addEndpoints merges the endpoints of all slices, of both address families.
// The port of a slice has the name of the Service port, whatever the target
// port is called or numbered on the pods of that slice.
func (r *backendResult) addEndpoints(parts []*discoveryv1.EndpointSlice, portName string, objects *Objects, cfg *Config) {
	var all []gatelodge.Endpoint
	for _, slice := range parts {
		port := slicePort(slice, portName)
		if port == 0 {
			continue
		}
		for i := range slice.Endpoints {
			endpoint := &slice.Endpoints[i]
			usable, draining := conditionsOf(endpoint)
			if !usable || len(endpoint.Addresses) == 0 || slice.AddressType == discoveryv1.AddressTypeFQDN {
				continue
			}
			// The addresses of one endpoint are fungible: the first is enough.
			address, err := endpointAddress(endpoint.Addresses[0], cfg)
			if err != nil {
				r.problems = append(r.problems, gatelodge.Problem{
					Object: objects.objectOf("EndpointSlice", &slice.ObjectMeta), Reason: gatelodge.BackendUnsupported, Message: err.Error(),
				})
				continue
			}
			all = append(all, gatelodge.Endpoint{Address: netip.AddrPortFrom(address, port), Draining: draining})
		}
	}
	// While an endpoint moves from one slice to another it can be in both: the
	// better state counts.
	slices.SortFunc(all, func(a, b gatelodge.Endpoint) int {
		if c := a.Address.Compare(b.Address); c != 0 || a.Draining == b.Draining {
			return c
		}
		if b.Draining {
			return -1
		}
		return 1
	})
	r.backend.Endpoints = slices.CompactFunc(all, func(a, b gatelodge.Endpoint) bool { return a.Address == b.Address })
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

// conditionsOf reads the conditions of an endpoint, whose absence has a
// meaning: ready unless said otherwise, and serving as far as ready.
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

// endpointAddress reads an address that traffic may be sent to. Addresses that
// mean another thing on the gateway's own machine than on the author's are
// refused, so that nobody reaches the node through the gateway.
func endpointAddress(text string, cfg *Config) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("endpoint %.60q is no IP address", text)
	}
	address = address.Unmap()
	switch {
	case address.IsLoopback() && !cfg.LoopbackEndpoints:
		return netip.Addr{}, fmt.Errorf("endpoint %s is a loopback address, which is refused", address)
	case address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast():
		return netip.Addr{}, fmt.Errorf("endpoint %s is no address of a single host in the cluster", address)
	}
	return address, nil
}

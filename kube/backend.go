package kube

import (
	"reflect"
	"slices"

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

// backends is every Backend that a route names.
type backends struct {
	hosts    *hosts
	services *services
	slices   *endpointSlices
	external *Externals
	cfg      *Config

	list     []*gatelodge.Backend // sorted by key
	byKey    map[string]*backendResult
	problems []gatelodge.Problem
}

// backendResult is a Backend and what it was made of.
type backendResult struct {
	service  *corev1.Service
	slices   []*discoveryv1.EndpointSlice
	external *external
	cfg      *Config

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
	if last != nil && last.hosts == h && last.services == svc && last.slices == eps && last.external == objects.Externals && last.cfg == cfg {
		return last
	}
	b := &backends{
		hosts: h, services: svc, slices: eps, external: objects.Externals, cfg: cfg,
		list:  make([]*gatelodge.Backend, len(h.refs)),
		byKey: make(map[string]*backendResult, len(h.refs)),
	}
	failed := make(map[string]*failure)
	for i, ref := range h.refs {
		name := types.NamespacedName{Namespace: ref.port.Namespace, Name: ref.port.Name}
		service, parts := svc.byName[name], eps.byService[name]
		external := objects.Externals.of(service)
		var before *backendResult
		if last != nil {
			before = last.byKey[ref.key]
		}
		result := before
		if before == nil || before.service != service || before.external != external || before.cfg != cfg || !slices.Equal(before.slices, parts) {
			result = makeBackend(ref, service, parts, external, objects, cfg)
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

func makeBackend(ref *backendRef, service *corev1.Service, parts []*discoveryv1.EndpointSlice, external *external, objects *Objects, cfg *Config) *backendResult {
	r := &backendResult{service: service, slices: parts, external: external, cfg: cfg}
	r.backend = &gatelodge.Backend{
		Key: ref.key, Namespace: ref.port.Namespace, Service: ref.port.Name,
		Protocol: gatelodge.BackendHTTP,
	}
	if ref.protocol != "" {
		r.backend.Protocol = ref.protocol
	}
	if isExternal(service) {
		r.addExternal(ref, objects, cfg)
		return r
	}
	port, failure := findPort(ref, service)
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

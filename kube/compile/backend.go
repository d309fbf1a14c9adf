package compile

import (
	"cmp"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// backends is every Backend that a route names.
type backends struct {
	hosts    *hosts
	services *services
	slices   *endpointSlices
	secrets  *secrets
	external *objects.Externals
	cfg      *objects.Config

	list     []*gatelodge.Backend // sorted by key
	results  []*backendResult     // of each in list
	problems []gatelodge.Problem
}

// backendResult is a Backend and what it was made of.
type backendResult struct {
	service  *corev1.Service
	slices   []*discoveryv1.EndpointSlice
	external *objects.External
	secret   *corev1.Secret // that proxy-ssl-secret names; nil: none does, or there is none
	cfg      *objects.Config

	backend  *gatelodge.Backend
	tls      *backendTLS // nil for a protocol in clear text
	failure  *failure    // nil: the reference is good
	problems []gatelodge.Problem
}

// failure says what is wrong with a reference, most often why there is nothing
// behind it. Everybody who refers to it is told.
type failure struct {
	reason  gatelodge.Reason
	message string
}

func makeBackends(h *hosts, svc *services, eps *endpointSlices, sec *secrets, objs *objects.Objects, cfg *objects.Config, last *backends) *backends {
	if last == nil {
		last = &backends{}
	} else if last.hosts == h && last.services == svc && last.slices == eps && last.secrets == sec && last.external == objs.Externals && last.cfg == cfg {
		return last
	}
	b := &backends{
		hosts: h, services: svc, slices: eps, secrets: sec, external: objs.Externals, cfg: cfg,
		list:    make([]*gatelodge.Backend, len(h.refs)),
		results: make([]*backendResult, len(h.refs)),
	}
	old := last.results // from the key on that comes next
	failed := make(map[string]*failure)
	for i, ref := range h.refs {
		name := types.NamespacedName{Namespace: ref.Port.Namespace, Name: ref.Port.Name}
		made := backendResult{service: svc.byName[name], slices: eps.byService[name], cfg: cfg}
		made.external, made.secret = objs.Externals.Of(made.service), secretOf(ref, sec)
		for len(old) > 0 && old[0].backend.Key < ref.Key {
			old = old[1:]
		}
		var before *backendResult
		if len(old) > 0 && old[0].backend.Key == ref.Key {
			before = old[0]
		}
		result := before
		if before == nil || !before.isOf(&made) {
			result = made.make(ref, objs, before)
		}
		b.list[i], b.results[i] = result.backend, result
		b.problems = append(b.problems, result.problems...)
		if result.failure != nil {
			failed[ref.Key] = result.failure
		}
	}
	b.tell(failed)
	return b
}

// isOf tells whether r was made of what another is to be made of.
func (r *backendResult) isOf(other *backendResult) bool {
	return r.service == other.service && r.external == other.external && r.secret == other.secret &&
		r.cfg == other.cfg && slices.Equal(r.slices, other.slices)
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

// make returns the result of what r is made of, the Backend of a reference, and
// keeps of the one before what is the same.
func (r backendResult) make(ref *intent.BackendRef, objs *objects.Objects, before *backendResult) *backendResult {
	r.backend = &gatelodge.Backend{
		Key: ref.Key, Namespace: ref.Port.Namespace, Service: ref.Port.Name,
		Protocol: cmp.Or(ref.Protocol, gatelodge.BackendHTTP),
	}
	if port := r.port(ref); port != nil {
		if ref.Protocol == "" {
			r.backend.Protocol = protocolOf(port)
		}
		if r.addTLS(ref, objs, before) {
			r.addEndpoints(ref, port, objs)
		}
	}
	if before != nil && reflect.DeepEqual(before.backend, r.backend) {
		r.backend = before.backend
	}
	return &r
}

// port finds the port of the Service; nil if there is none to be used.
func (r *backendResult) port(ref *intent.BackendRef) (port *corev1.ServicePort) {
	if objects.IsExternal(r.service) {
		port, r.failure = externalPort(ref, r.service, r.cfg)
	} else {
		port, r.failure = findPort(ref, r.service)
	}
	return port
}

func (r *backendResult) addEndpoints(ref *intent.BackendRef, port *corev1.ServicePort, objs *objects.Objects) {
	if objects.IsExternal(r.service) {
		r.addExternal(ref, port, objs, r.cfg)
	} else {
		r.addSlices(r.slices, port.Name, objs, r.cfg)
	}
}

package compile

import (
	"cmp"
	"fmt"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/endpoints"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// backends contains every Backend that a route names.
type backends struct {
	users    follow.Index[gatelodge.BackendKey, gatelodge.Name]
	hosts    gatelodge.Map[gatelodge.Name, *hostResult]
	services objects.Table[*corev1.Service]
	slices   objects.Table[*discoveryv1.EndpointSlice]
	secrets  objects.Table[*corev1.Secret]
	external objects.Externals
	cfg      *objects.Config

	results gatelodge.Map[gatelodge.BackendKey, *backendResult]
	list    gatelodge.Map[gatelodge.BackendKey, *gatelodge.Backend] // of results

	ofService follow.Index[objects.Key, objects.Key]             // EndpointSlices by Service
	ofSecret  follow.Index[objects.Key, gatelodge.BackendKey]    // results that use a Secret
	ofName    follow.Index[gatelodge.Name, gatelodge.BackendKey] // results of Services with an external name
	told      gatelodge.Map[gatelodge.Name, *follow.Told]        // the problems of the backends of each host

	checking  gatelodge.Map[gatelodge.BackendKey, checking]   // by namespace: see inNamespace
	unchecked gatelodge.Map[gatelodge.BackendKey, *unchecked] // backends beyond the bounds of their namespace

	administration administration
}

// backendResult is a Backend and its inputs.
type backendResult struct {
	service  *corev1.Service
	slices   []*discoveryv1.EndpointSlice
	external *objects.External
	secret   *corev1.Secret // named by proxy-ssl-secret; nil: none, or it does not exist
	cfg      *objects.Config

	secretKey    objects.Key    // of secret, even if it does not exist
	externalName gatelodge.Name // the external name of the Service; "": none

	backend  *gatelodge.Backend
	tls      *backendTLS // nil for a protocol in clear text
	failure  *failure    // nil: the reference is valid
	problems []gatelodge.Problem
}

// failure is what is wrong with a reference, usually why there is nothing behind it.
// All objects with the reference get a problem.
type failure struct {
	reason  gatelodge.Reason
	message string
}

// makeBackends makes the Backends with changes, and reuses all others of last.
func makeBackends(h *hosts, services objects.Table[*corev1.Service], slices objects.Table[*discoveryv1.EndpointSlice], slicesOf follow.Index[objects.Key, objects.Key], s *secretReader, objs *objects.Objects, cfg *objects.Config, last *backends) *backends {
	if last == nil {
		last = &backends{cfg: cfg}
	} else if last.users == h.users && last.hosts == h.results && last.services == services && last.slices == slices &&
		last.secrets == s.table && last.external == objs.Externals && last.cfg == cfg {
		return last
	}
	b := &backends{users: h.users, hosts: h.results, services: services, slices: slices, ofService: slicesOf, secrets: s.table, external: objs.Externals, cfg: cfg}
	m := &backendMaker{
		backends: b, last: last, objects: objs, dirty: make(follow.Dirty[gatelodge.BackendKey]),
		results: last.results.Edit(), list: last.list.Edit(), ofSecret: last.ofSecret.Edit(), ofName: last.ofName.Edit(),
		checking: last.checking.Edit(), unchecked: last.unchecked.Edit(),
	}
	b.administration = b.findAdministration()
	m.findDirty()
	failed := make(follow.Dirty[gatelodge.Name])
	bounded := make(follow.Dirty[gatelodge.BackendKey]) // namespaces
	for key := range m.dirty {
		before, after := m.results.Get(key), m.make(key)
		m.put(key, before, after)
		if m.countChecks(key, before, after) {
			bounded[inNamespace(key)] = true
		}
		if !sameFailure(before, after) {
			for host := range follow.Of(b.users, key) {
				failed[host] = true
			}
		}
	}
	b.results = m.results.Map()
	for namespace := range bounded {
		m.keepCheckBounds(b.results, namespace, failed)
	}
	b.list, b.ofSecret, b.ofName = m.list.Map(), m.ofSecret.Map(), m.ofName.Map()
	b.checking, b.unchecked = m.checking.Map(), m.unchecked.Map()
	b.tell(failed, last)
	return b
}

// backendMaker makes the backends that are dirty.
type backendMaker struct {
	*backends
	last    *backends
	objects *objects.Objects
	dirty   follow.Dirty[gatelodge.BackendKey]

	results  *gatelodge.MapEdit[gatelodge.BackendKey, *backendResult]
	list     *gatelodge.MapEdit[gatelodge.BackendKey, *gatelodge.Backend]
	ofSecret *gatelodge.MapEdit[follow.Pair[objects.Key, gatelodge.BackendKey], bool]
	ofName   *gatelodge.MapEdit[follow.Pair[gatelodge.Name, gatelodge.BackendKey], bool]

	checking  *gatelodge.MapEdit[gatelodge.BackendKey, checking]
	unchecked *gatelodge.MapEdit[gatelodge.BackendKey, *unchecked]
}

func (m *backendMaker) findDirty() {
	if m.cfg != m.last.cfg || !m.administration.equal(&m.last.administration) {
		follow.All(m.dirty, m.last.results)
		for use := range m.users.All() {
			m.dirty[use.A] = true
		}
		return
	}
	for use := range m.users.Changes(m.last.users) {
		if (m.results.Get(use.A) == nil) != (m.refOf(use.A) == nil) {
			m.dirty[use.A] = true
		}
	}
	for key := range m.services.Changes(m.last.services) {
		m.addService(key)
	}
	for use := range m.ofService.Changes(m.last.ofService) {
		m.addService(use.A)
	}
	for key, change := range m.slices.Changes(m.last.slices) {
		if change.After != nil {
			key = objects.ServiceOf(change.After)
			m.addService(key)
		}
	}
	for key := range m.secrets.Changes(m.last.secrets) {
		for user := range follow.Of(m.last.ofSecret, key) {
			m.dirty[user] = true
		}
	}
	for name := range m.external.Changes(m.last.external) {
		for user := range follow.Of(m.last.ofName, name) {
			m.dirty[user] = true
		}
	}
}

// addService adds the backends of a Service, whose keys begin with its name.
func (m *backendMaker) addService(service objects.Key) {
	prefix := gatelodge.BackendKey(service.Namespace + "/" + service.Name + ":")
	for key := range m.last.results.From(prefix) {
		if !strings.HasPrefix(string(key), string(prefix)) {
			return
		}
		m.dirty[key] = true
	}
}

// refOf returns the reference by which routes name a backend, nil if none does.
func (b *backends) refOf(key gatelodge.BackendKey) *intent.BackendRef {
	for host := range follow.Of(b.users, key) {
		return b.hosts.Get(host).ref(key)
	}
	return nil
}

// make makes the result of a backend; nil if no route names it.
func (m *backendMaker) make(key gatelodge.BackendKey) *backendResult {
	ref := m.refOf(key)
	if ref == nil {
		return nil
	}
	service := objects.Key{Namespace: ref.Port.Namespace, Name: ref.Port.Name}
	made := backendResult{service: m.services.Get(service), cfg: m.cfg}
	for slice := range follow.Of(m.ofService, service) {
		made.slices = append(made.slices, m.slices.Get(slice))
	}
	made.externalName, made.secret = externalName(ref, made.service), secretOf(ref, m.secrets)
	made.external = m.external.Get(made.externalName)
	if ref.TLS.Secret != "" {
		made.secretKey = objects.Key{Namespace: ref.Port.Namespace, Name: ref.TLS.Secret}
	}
	return made.make(ref, m.objects, &m.administration, m.results.Get(key))
}

func (m *backendMaker) put(key gatelodge.BackendKey, before, after *backendResult) {
	m.results.Set(key, after)
	var backend *gatelodge.Backend
	if after != nil {
		backend = after.backend
	}
	m.list.Set(key, backend)
	if before != nil {
		m.ofSecret.Set(follow.PairOf(before.secretKey, key), false)
		m.ofName.Set(follow.PairOf(before.externalName, key), false)
	}
	if after != nil {
		m.ofSecret.Set(follow.PairOf(after.secretKey, key), after.secretKey.Name != "")
		m.ofName.Set(follow.PairOf(after.externalName, key), after.externalName != "")
	}
}

// tell reports the failures of a backend to the objects with routes to it. It processes
// the hosts that changed, and those of which a backend started or ceased to fail.
func (b *backends) tell(hosts follow.Dirty[gatelodge.Name], last *backends) {
	follow.Changes(hosts, b.hosts, last.hosts)
	edit := last.told.Edit()
	for name := range hosts {
		edit.Set(name, b.toldOf(b.hosts.Get(name)))
	}
	b.told = edit.Map()
}

func (b *backends) toldOf(r *hostResult) *follow.Told {
	if r == nil {
		return nil
	}
	var t *follow.Told
	tell := func(object gatelodge.Object, key gatelodge.BackendKey) {
		if result := b.results.Get(key); result.failure != nil {
			t = t.Add(gatelodge.Problem{Object: object, Reason: result.failure.reason, Message: result.failure.message})
		}
	}
	for _, route := range r.host.Routes {
		if route.Backend != "" {
			tell(route.Object, route.Backend)
		}
		if auth := authBackend(route.Policy); auth != "" {
			tell(route.Object, auth)
		}
		if m := route.Policy.Mirror; m != nil && route.Backend != "" {
			tell(route.Object, m.Backend)
		}
		if route.Canary != nil {
			tell(route.Canary.Object, route.Canary.Backend)
		}
		if pages := route.Policy.ErrorPages; pages != nil {
			tell(route.Object, pages.Backend)
		}
		if b.unchecked.Get(route.Backend) != nil {
			t = t.Add(b.uncheckedProblem(route))
		}
	}
	return t
}

// sameFailure reports whether two results, which may be nil, have the same failure.
func sameFailure(a, b *backendResult) bool {
	if a == nil || b == nil {
		return (a == nil || a.failure == nil) && (b == nil || b.failure == nil)
	}
	return a.failure == b.failure || a.failure != nil && b.failure != nil && *a.failure == *b.failure
}

// make returns the result of the inputs in r, the Backend of a reference, and reuses
// the unchanged parts of the previous one.
func (r backendResult) make(ref *intent.BackendRef, objs *objects.Objects, admin *administration, before *backendResult) *backendResult {
	r.backend = &gatelodge.Backend{
		Key: ref.Key, Namespace: ref.Port.Namespace, Service: ref.Port.Name, Port: ref.Port.Port,
		Protocol: cmp.Or(ref.Protocol, gatelodge.BackendHTTP),
	}
	if port := r.port(ref); port != nil {
		if ref.Auth == nil {
			r.tellService(ref, port, objs)
		}
		if ref.Protocol == "" {
			r.backend.Protocol, _ = endpoints.ProtocolOf(port)
		}
		if r.addTLS(ref, objs, before) {
			r.addEndpoints(ref, port, objs)
			r.addCheck(ref)
			r.refuseAdmin(ref, admin)
		}
	}
	if before != nil && reflect.DeepEqual(before.backend, r.backend) {
		r.backend = before.backend
	}
	return &r
}

// tellService reports to the author of the Service what has no effect there.
func (r *backendResult) tellService(ref *intent.BackendRef, port *corev1.ServicePort, objs *objects.Objects) {
	object := objs.ObjectOf("Service", &r.service.ObjectMeta)
	if message := annotations.IneffectiveOnService(r.service.Annotations); message != "" {
		r.problems = append(r.problems, gatelodge.Problem{Object: object, Reason: gatelodge.UnknownAnnotation, Message: message})
	}
	if _, known := endpoints.ProtocolOf(port); !known && ref.Protocol == "" {
		r.problems = append(r.problems, gatelodge.Problem{Object: object, Reason: gatelodge.BackendUnsupported, Message: fmt.Sprintf(
			"port %s has the appProtocol %.60q, which is unknown, so HTTP/1.1 is used; expected http, https, h2c, grpc, grpcs, kubernetes.io/ws or kubernetes.io/wss", ref.Port.Port, *port.AppProtocol)})
	}
}

// addCheck adds the health check of the endpoints. gRPC needs HTTP/2.
func (r *backendResult) addCheck(ref *intent.BackendRef) {
	r.backend.Check = ref.Check.Of(r.cfg.HealthCheck)
	if r.backend.Check.Kind == gatelodge.CheckGRPC && !r.backend.Protocol.IsHTTP2() {
		r.backend.Check = gatelodge.HealthCheck{}
		if r.failure == nil && ref.Check.Names() {
			r.failure = &failure{gatelodge.BadAnnotation, fmt.Sprintf(
				"port %s of Service %s uses HTTP/1.1, so it can't be checked by gRPC, expected backend-protocol GRPC or GRPCS, or another health-check", ref.Port.Port, ref.Service())}
		}
	}
}

// port finds the port of the Service; nil if there is none to be used.
func (r *backendResult) port(ref *intent.BackendRef) (port *corev1.ServicePort) {
	r.failure = refuseAuth(ref, r.cfg)
	switch {
	case r.failure != nil:
	case ref.Auth != nil && ref.Auth.External:
		port = authPort(ref)
	case objects.IsExternal(r.service):
		port, r.failure = externalPort(ref, r.service, r.cfg)
	default:
		var missing string
		if port, missing = endpoints.FindPort(ref, r.service); missing != "" {
			r.failure = &failure{gatelodge.BackendMissing, missing}
		}
	}
	return port
}

func (r *backendResult) addEndpoints(ref *intent.BackendRef, port *corev1.ServicePort, objs *objects.Objects) {
	switch {
	case ref.Auth != nil && ref.Auth.External:
		r.addAuthService(ref, port)
	case objects.IsExternal(r.service):
		r.addExternal(ref, port, objs, r.cfg)
	case ref.Whole && endpoints.HasAddress(r.service):
		var err error
		if r.backend.Endpoints, err = endpoints.OfService(r.service, port, r.cfg); err != nil {
			r.problems = append(r.problems, gatelodge.Problem{
				Object: objs.ObjectOf("Service", &r.service.ObjectMeta), Reason: gatelodge.BackendUnsupported, Message: err.Error(),
			})
		}
	default:
		found, problems := endpoints.OfSlices(r.slices, port.Name, objs, r.cfg)
		r.backend.Endpoints, r.problems = found, append(r.problems, problems...)
	}
}

// refuseAdmin removes endpoints at which an admin endpoint of the gateway answers.
func (r *backendResult) refuseAdmin(ref *intent.BackendRef, admin *administration) {
	kept, removed := admin.removeFrom(r.backend.Endpoints, ref.Mirror)
	if r.backend.Endpoints = kept; removed.IsValid() && r.failure == nil {
		who, what := "Service "+ref.Service(), "the gateway's own admin endpoint"
		if ref.Auth != nil {
			who = "auth-url"
		}
		if ref.Mirror {
			what = "the gateway itself"
		}
		r.failure = &failure{gatelodge.BackendUnsupported, fmt.Sprintf("%s leads to %s, %s, which is refused", who, removed, what)}
	}
}

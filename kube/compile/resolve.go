package compile

import (
	"fmt"
	"iter"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// resolved is a claimant with the content of the Secrets that it names.
type resolved struct {
	*intent.Claimant
	orders       bool // its certificates are ordered if no Secret has them
	policy       *gatelodge.Policy
	auth         *intent.BackendRef       // the policy's auth-url service; nil: none
	clientAuth   *gatelodge.ClientAuth    // for its hosts; nil: none
	certificates []*gatelodge.Certificate // for each entry of TLS; nil: none usable now
	handed       []*gatelodge.Certificate // those of them that are handed over, see handover.go
	errorRef     *intent.BackendRef       // of the policy's ErrorPages; nil: there are none
	problems     []gatelodge.Problem

	until time.Time // when it changes because of the time alone; zero: never
}

// resolution contains the resolved claimants.
type resolution struct {
	claimants  claims.Claimants
	secrets    *secretReader
	configMaps objects.Table[*corev1.ConfigMap]
	orders     bool
	fallback   *objects.ServicePort // for errors, if an Ingress names none
	now        time.Time

	results   gatelodge.Map[intent.Key, *resolved]
	users     follow.Index[objects.Key, intent.Key]    // claimants by the Secrets that they name
	canaries  follow.Index[gatelodge.Name, intent.Key] // by their hosts
	readers   follow.Index[objects.Key, intent.Key]    // and by the ConfigMaps
	deadlines deadlines[intent.Key]
}

// resolve looks up the Secrets of the claimants with changes: in the claimant, a
// Secret, or the validity of a certificate. With orders, a certificate that no Secret
// has will be ordered, so a Secret of spec.tls may be absent.
func resolve(claimants claims.Claimants, s *secretReader, objs *objects.Objects, orders bool, fallback *objects.ServicePort, last *resolution) *resolution {
	if last == nil {
		last = &resolution{secrets: &secretReader{}}
	}
	dirty := make(follow.Dirty[intent.Key])
	follow.Changes(dirty, claimants, last.claimants)
	for key := range s.changedSince(last.secrets) {
		for user := range follow.Of(last.users, key) {
			dirty[user] = true
		}
	}
	for key := range objs.ConfigMaps.Changes(last.configMaps) {
		for reader := range follow.Of(last.readers, key) {
			dirty[reader] = true
		}
	}
	if last.orders != orders || !samePort(last.fallback, fallback) || objs.Now.Before(last.now) {
		follow.All(dirty, claimants)
	}
	due(dirty, last.deadlines, objs.Now)
	if len(dirty) == 0 && last.secrets == s && last.claimants == claimants && last.configMaps == objs.ConfigMaps {
		return last
	}
	next := &resolution{claimants: claimants, secrets: s, configMaps: objs.ConfigMaps, orders: orders, fallback: fallback, now: objs.Now}
	results, users, readers, canaries, deadlines := last.results.Edit(), last.users.Edit(), last.readers.Edit(), last.canaries.Edit(), last.deadlines.Edit()
	for key := range dirty {
		before, after := results.Get(key), (*resolved)(nil)
		if claimant := claimants.Get(key); claimant != nil {
			after = resolveOne(claimant, s, objs, orders && claimant.Asked.ACME != annotations.ACMENo, fallback)
		}
		results.Set(key, after)
		for name := range before.secretNames() {
			users.Set(follow.PairOf(name, key), false)
		}
		for name := range after.secretNames() {
			users.Set(follow.PairOf(name, key), true)
		}
		for name := range before.configMapNames() {
			readers.Set(follow.PairOf(name, key), false)
		}
		for name := range after.configMapNames() {
			readers.Set(follow.PairOf(name, key), true)
		}
		for name := range before.alternativeHosts() {
			canaries.Set(follow.PairOf(name, key), false)
		}
		for name := range after.alternativeHosts() {
			canaries.Set(follow.PairOf(name, key), true)
		}
		setDeadline(deadlines, key, before.deadline(), after.deadline())
	}
	next.results, next.users, next.readers, next.canaries, next.deadlines = results.Map(), users.Map(), readers.Map(), canaries.Map(), deadlines.Map()
	return next
}

// deadline returns when the result changes because of the time alone; zero: never.
func (r *resolved) deadline() time.Time {
	if r == nil {
		return time.Time{}
	}
	return r.until
}

// secretNames yields the Secrets that the claimant names; nil names none.
func (r *resolved) secretNames() iter.Seq[objects.Key] {
	return func(yield func(objects.Key) bool) {
		if r == nil {
			return
		}
		for _, name := range r.SecretNames() {
			if name != "" && !yield(objects.Key{Namespace: r.Object.Namespace, Name: name}) {
				return
			}
		}
	}
}

// configMapNames yields the ConfigMaps that the claimant names; nil names none.
func (r *resolved) configMapNames() iter.Seq[objects.Key] {
	return func(yield func(objects.Key) bool) {
		if r == nil {
			return
		}
		for _, name := range r.ConfigMapNames() {
			if !yield(objects.Key{Namespace: r.Object.Namespace, Name: name}) {
				return
			}
		}
	}
}

// of finds a Secret in the namespace of the Ingress; a Secret of another namespace is
// never used.
func (s *secretReader) of(in *intent.Claimant, name string) *corev1.Secret {
	return s.table.Get(objects.Key{Namespace: in.Object.Namespace, Name: name})
}

func (r *resolved) problem(reason gatelodge.Reason, format string, args ...any) {
	r.problems = append(r.problems, gatelodge.Problem{Object: r.Object, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func resolveOne(in *intent.Claimant, s *secretReader, objs *objects.Objects, orders bool, fallback *objects.ServicePort) *resolved {
	r := &resolved{Claimant: in, orders: orders}
	for i := range in.TLS {
		r.certificates = append(r.certificates, r.certificate(&in.TLS[i], s, objs))
	}
	r.policy = &gatelodge.Policy{
		Unavailable: in.Asked.Unavailable, Redirect: in.Asked.Redirect, HSTS: in.Asked.HSTS,
		AllowFrom: in.Asked.AllowFrom, DenyFrom: in.Asked.DenyFrom, SatisfyAny: in.Asked.SatisfyAny,
		LoadBalance: in.Asked.Balance.Algorithm, SlowStart: in.Asked.Balance.SlowStart, HashBy: in.Asked.Balance.HashBy(),
		Affinity: in.Asked.Affinity.Affinity(), Ejection: in.Asked.Ejection,
		CORS:        in.Asked.CORS.CORS(),
		Compression: in.Asked.Compression.Compression(), Buffering: in.Asked.Buffering.Buffering(),
		Unlogged: in.Asked.Unlogged, Tracing: in.Asked.Tracing.Rules(), Views: in.Views,
	}
	in.Asked.Redirects.Policy(r.policy)
	in.Asked.Rewrites.Policy(r.policy)
	in.Asked.BackendURLs.Policy(r.policy)
	r.errorPages(fallback)
	in.Asked.Limits.SetOn(r.policy)
	in.Asked.Snippets.Location.SetOn(r.policy)
	r.responseFields(objs)
	if in.Mirror != nil {
		r.policy.Mirror = in.Asked.Mirror.Mirror(in.Mirror.Key)
	}
	if in.Asked.Auth.Basic && r.policy.Unavailable == "" {
		r.basicAuth(s)
	}
	if r.policy.Unavailable == "" {
		r.externalAuth(objs)
	}
	if in.Asked.ClientAuth.Asks() {
		r.resolveClientAuth(s, objs)
	}
	return r
}

// externalAuth adds the auth-url service. If the fields for it are missing, the routes
// are not served.
func (r *resolved) externalAuth(objs *objects.Objects) {
	auth := r.Asked.ExternalAuth()
	if auth == nil {
		return
	}
	if service, ok := r.Asked.AuthService(); ok {
		r.auth = intent.NewAuthRef(r.Object.Namespace, service)
		auth.Backend = r.auth.Key
	}
	if name := r.Asked.AuthConfigMap(); name != "" {
		fields, ok := r.fieldsOf(name, "auth-proxy-set-headers", objs)
		if !ok {
			r.policy.Unavailable = "the fields for the service of auth-url are not known"
			return
		}
		auth.SetFields = slices.Concat(fields, auth.SetFields)
	}
	r.policy.ExternalAuth = auth
}

// fieldsOf reads the fields in a ConfigMap that an annotation names.
func (r *resolved) fieldsOf(name, annotation string, objs *objects.Objects) (fields []gatelodge.FieldEdit, ok bool) {
	configMap := objs.ConfigMaps.Get(objects.Key{Namespace: r.Object.Namespace, Name: name})
	if configMap == nil {
		r.problem(gatelodge.BackendMissing, "there is no ConfigMap %s/%s, which %s names", r.Object.Namespace, name, annotation)
		return nil, false
	}
	fields, err := syntax.ReadFields(configMap.Data)
	if err != nil {
		r.problem(gatelodge.BadAnnotation, "ConfigMap %s/%s, which %s names, %v", r.Object.Namespace, name, annotation, err)
		return nil, false
	}
	return fields, true
}

// responseFields sets the fields of custom-headers, before those of snippets. They may
// be a protection, such as a Content-Security-Policy: without them the routes are not
// served.
func (r *resolved) responseFields(objs *objects.Objects) {
	name := r.Asked.Rewrites.ResponseFields
	if name == "" || r.policy.Unavailable != "" {
		return
	}
	fields, ok := r.fieldsOf(name, "custom-headers", objs)
	if !ok {
		r.policy.Unavailable = "the fields of custom-headers are not known"
		return
	}
	edits := gatelodge.FieldEdits{Response: fields}
	if r.policy.Fields != nil {
		edits.Request, edits.Response = r.policy.Fields.Request, slices.Concat(fields, r.policy.Fields.Response)
	}
	r.policy.Fields = &edits
}

// certificate finds the certificate of an entry of spec.tls.
func (r *resolved) certificate(entry *intent.TLSEntry, s *secretReader, objs *objects.Objects) *gatelodge.Certificate {
	if entry.Secret == "" {
		return nil
	}
	name := r.Object.Namespace + "/" + entry.Secret
	secret := s.of(r.Claimant, entry.Secret)
	if secret == nil && r.orders {
		return nil
	}
	if secret == nil {
		r.problem(gatelodge.SecretMissing, "there is no Secret %s, which spec.tls names for %s", name, r.hostsOf(entry))
		return nil
	}
	pair := s.keyPair(secret, objs)
	if pair.err != nil {
		r.problem(gatelodge.BadSecret, "Secret %s for %s %s", name, r.hostsOf(entry), pair.problem())
	}
	certificate := pair.own
	if certificate == nil {
		return nil
	}
	if pair.gap != "" {
		r.problem(gatelodge.BadCertificate, "the certificate in Secret %s for %s %s", name, r.hostsOf(entry), pair.gap)
	}
	begin, end := edges(certificate)
	r.until = earliest(objs.Now, r.until, begin, end)
	if why := outOfDate(certificate, objs.Now); why != "" {
		r.problem(gatelodge.BadCertificate, "the certificate in Secret %s for %s %s", name, r.hostsOf(entry), why)
		return nil
	}
	if r.orders && isHandedOver(pair.from) {
		r.handed = append(r.handed, certificate)
	}
	if certificate.Flaw != nil {
		r.problem(gatelodge.BadCertificate, "the certificate in Secret %s for %s %s%s", name, r.hostsOf(entry), certificate.Flaw.Text, whatToDo)
	}
	return certificate
}

// hostsOf formats the hosts of an entry of spec.tls.
func (r *resolved) hostsOf(entry *intent.TLSEntry) string {
	if len(entry.Hosts) == 0 {
		return "all hosts"
	}
	return "host " + claims.JoinNames(entry.Hosts)
}

// basicAuth looks up the users. Without them the routes are not served, so that a
// mistake never removes a protection.
func (r *resolved) basicAuth(s *secretReader) {
	auth := &r.Asked.Auth
	name := r.Object.Namespace + "/" + auth.Secret
	secret := s.of(r.Claimant, auth.Secret)
	if secret == nil {
		r.problem(gatelodge.SecretMissing, "there is no Secret %s, which auth-secret names", name)
		r.policy.Unavailable = "its users are not known"
		return
	}
	read := s.usersOf(secret, auth.SecretMap)
	for _, problem := range read.problems {
		r.problem(gatelodge.BadSecret, "Secret %s: %s", name, problem)
	}
	if read.err != nil {
		r.problem(gatelodge.BadSecret, "Secret %s, which auth-secret names, %v", name, read.err)
		r.policy.Unavailable = "its users are not known"
		return
	}
	r.policy.BasicAuth = &gatelodge.BasicAuth{Realm: auth.Realm, Users: read.users}
}

// errorPages finds the Service that answers in place of errors: that of the Ingress,
// in its namespace, or that of the configuration.
func (r *resolved) errorPages(fallback *objects.ServicePort) {
	pages := r.Asked.ErrorPages.Pages()
	if pages == nil {
		return
	}
	if name := r.Asked.ErrorPages.Service; name != "" {
		fallback = &objects.ServicePort{Namespace: r.Object.Namespace, Name: name}
	}
	if fallback == nil {
		r.problem(gatelodge.BadAnnotation, "annotation custom-http-errors has no effect: there is no Service for errors, write its name into the annotation default-backend, or ingress.defaultBackend into the configuration")
		return
	}
	r.errorRef = intent.NewBackendRef(*fallback, "", annotations.BackendTLSAsk{}, annotations.HealthCheckAsk{})
	pages.Backend = r.errorRef.Key
	r.policy.ErrorPages = pages
}

func samePort(a, b *objects.ServicePort) bool { return a == b || a != nil && b != nil && *a == *b }

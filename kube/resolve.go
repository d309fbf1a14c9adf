package kube

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// resolved is an Ingress together with what the Secrets say that it names.
type resolved struct {
	*ingress
	orders       bool // its certificates are ordered where no Secret has them
	policy       *gatelodge.Policy
	clientAuth   *gatelodge.ClientAuth    // for the hosts of the Ingress; nil: it asks for none
	certificates []*gatelodge.Certificate // for each entry of ingress.tls; nil: none that can be used now
	problems     []gatelodge.Problem

	uses   []*corev1.Secret // what used returned; nil: there is none
	stable period
}

// resolution is the resolved Ingresses, the oldest first.
type resolution struct {
	selection *selection
	secrets   *secrets
	orders    bool
	list      []*resolved
	problems  []gatelodge.Problem
	stable    period
}

// resolve looks up the Secrets of every Ingress, and reuses what last has for
// one where neither the Ingress nor its Secrets nor the validity of a
// certificate changed. With orders, a certificate that no Secret has will be
// ordered, so a Secret of spec.tls may be absent.
func resolve(selected *selection, s *secrets, objects *Objects, orders bool, last *resolution) *resolution {
	if last == nil {
		last = &resolution{selection: &selection{}}
	} else if last.selection == selected && last.secrets == s && last.orders == orders && last.stable.contains(objects.Now) {
		return last
	}
	next := &resolution{selection: selected, secrets: s, orders: orders, list: make([]*resolved, len(selected.ours))}
	places := matches(last.selection.ours, selected.ours)
	for i, in := range selected.ours {
		var r *resolved
		if at := places[i]; at >= 0 {
			r = last.list[at]
		}
		ordered := orders && in.asked.acme != acmeNo
		if r == nil || r.orders != ordered || !r.stable.contains(objects.Now) || last.secrets != s && !slices.Equal(r.uses, s.used(in)) {
			r = resolveOne(in, s, objects, ordered)
		}
		next.list[i] = r
		next.problems = append(next.problems, r.problems...)
		next.stable.intersect(r.stable)
	}
	return next
}

// intersect keeps the part that both periods have.
func (p *period) intersect(q period) {
	if q.from.After(p.from) {
		p.from = q.from
	}
	if !q.until.IsZero() && (p.until.IsZero() || q.until.Before(p.until)) {
		p.until = q.until
	}
}

// used lists the Secrets that an Ingress names.
func (s *secrets) used(in *ingress) []*corev1.Secret {
	if len(in.tls) == 0 && in.asked.auth.secret == "" && in.asked.clientAuth.secret == "" {
		return nil
	}
	used := make([]*corev1.Secret, 0, 2*len(in.tls)+2)
	for _, entry := range in.tls {
		used = append(used, s.of(in, entry.secret), s.before(types.NamespacedName{Namespace: in.object.Namespace, Name: entry.secret}))
	}
	return append(used, s.of(in, in.asked.auth.secret), s.of(in, in.asked.clientAuth.secret))
}

// of finds a Secret in the namespace of the Ingress: no other namespace's
// Secret is ever used for it.
func (s *secrets) of(in *ingress, name string) *corev1.Secret {
	return s.byName[types.NamespacedName{Namespace: in.object.Namespace, Name: name}]
}

func (r *resolved) problem(reason gatelodge.Reason, format string, args ...any) {
	r.problems = append(r.problems, gatelodge.Problem{Object: r.object, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func resolveOne(in *ingress, s *secrets, objects *Objects, orders bool) *resolved {
	r := &resolved{ingress: in, orders: orders, uses: s.used(in)}
	for i := range in.tls {
		r.certificates = append(r.certificates, r.certificate(&in.tls[i], s, objects))
	}
	r.policy = &gatelodge.Policy{Unavailable: in.asked.unavailable, Redirect: in.asked.redirect, HSTS: in.asked.hsts}
	if in.asked.auth.basic && r.policy.Unavailable == "" {
		r.basicAuth(s)
	}
	if in.asked.clientAuth.asks() {
		r.resolveClientAuth(s, objects)
	}
	return r
}

// certificate finds the certificate of an entry of spec.tls.
func (r *resolved) certificate(entry *tlsAsk, s *secrets, objects *Objects) *gatelodge.Certificate {
	if entry.secret == "" {
		return nil
	}
	name := r.object.Namespace + "/" + entry.secret
	secret := s.of(r.ingress, entry.secret)
	if secret == nil && r.orders {
		return nil
	}
	if secret == nil {
		r.problem(gatelodge.SecretMissing, "there is no Secret %s, which spec.tls names for %s", name, r.hostsOf(entry))
		return nil
	}
	pair := s.keyPair(secret, objects)
	if pair.err != nil {
		r.problem(gatelodge.BadSecret, "Secret %s for %s %s", name, r.hostsOf(entry), pair.problem())
	}
	certificate := pair.own
	if certificate == nil {
		return nil
	}
	r.stable.narrow(certificate, objects.Now)
	if why := outOfDate(certificate, objects.Now); why != "" {
		r.problem(gatelodge.BadCertificate, "the certificate in Secret %s for %s %s", name, r.hostsOf(entry), why)
		return nil
	}
	return certificate
}

// hostsOf names the hosts that an entry of spec.tls is for.
func (r *resolved) hostsOf(entry *tlsAsk) string {
	if len(entry.hosts) == 0 {
		return "all hosts"
	}
	names := make([]string, len(entry.hosts))
	for i, host := range entry.hosts {
		names[i] = string(host)
	}
	return "host " + strings.Join(names, ", ")
}

// basicAuth looks up the users. Without them the routes are not served:
// nobody's protection is dropped because of a mistake in it.
func (r *resolved) basicAuth(s *secrets) {
	auth := &r.asked.auth
	name := r.object.Namespace + "/" + auth.secret
	secret := s.of(r.ingress, auth.secret)
	if secret == nil {
		r.problem(gatelodge.SecretMissing, "there is no Secret %s, which auth-secret names", name)
		r.policy.Unavailable = "its users are not known"
		return
	}
	users, problems, err := readUsers(secret, auth.secretMap)
	for _, problem := range problems {
		r.problem(gatelodge.BadSecret, "Secret %s: %s", name, problem)
	}
	if err != nil {
		r.problem(gatelodge.BadSecret, "Secret %s, which auth-secret names, %v", name, err)
		r.policy.Unavailable = "its users are not known"
		return
	}
	r.policy.BasicAuth = &gatelodge.BasicAuth{Realm: auth.realm, Users: users}
}

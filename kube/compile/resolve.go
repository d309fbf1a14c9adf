package compile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// resolved is an Ingress together with what the Secrets say that it names.
type resolved struct {
	*intent.Ingress
	orders       bool // its certificates are ordered where no Secret has them
	policy       *gatelodge.Policy
	clientAuth   *gatelodge.ClientAuth    // for the hosts of the Ingress; nil: it asks for none
	certificates []*gatelodge.Certificate // for each entry of ingress.tls; nil: none that can be used now
	problems     []gatelodge.Problem

	uses  []*corev1.Secret // what used returned; nil: there is none
	now   time.Time
	until time.Time // when it becomes something else because of the time alone; zero: never
}

// resolution is the resolved Ingresses, the oldest first.
type resolution struct {
	selection *intent.Selection
	secrets   *secrets
	orders    bool
	list      []*resolved
	of        map[*intent.Ingress]*resolved
	problems  []gatelodge.Problem
	now       time.Time
	until     time.Time
	changed   []*intent.Ingress // resolved to something else than in the resolution before
}

// resolve looks up the Secrets of every Ingress, and reuses what last has for
// one where neither the Ingress nor its Secrets nor the validity of a
// certificate changed. With orders, a certificate that no Secret has will be
// ordered, so a Secret of spec.tls may be absent.
func resolve(selected *intent.Selection, s *secrets, objs *objects.Objects, orders bool, last *resolution) *resolution {
	if last == nil {
		last = &resolution{selection: &intent.Selection{}}
	} else if last.selection == selected && last.secrets == s && last.orders == orders && current(last.now, last.until, objs.Now) {
		return last
	}
	next := &resolution{selection: selected, secrets: s, orders: orders, now: objs.Now, list: make([]*resolved, len(selected.Ours)), of: make(map[*intent.Ingress]*resolved, len(selected.Ours))}
	places := objects.Matches(last.selection.Ours, selected.Ours)
	for i, in := range selected.Ours {
		var r *resolved
		if at := places[i]; at >= 0 {
			r = last.list[at]
		}
		ordered := orders && in.Asked.Acme != intent.AcmeNo
		if r == nil || r.orders != ordered || !current(r.now, r.until, objs.Now) || last.secrets != s && !slices.Equal(r.uses, s.used(in)) {
			r = resolveOne(in, s, objs, ordered)
		}
		next.list[i], next.of[in] = r, r
		if last.of[in] != r {
			next.changed = append(next.changed, in)
		}
		next.problems = append(next.problems, r.problems...)
		next.until = earliest(objs.Now, next.until, r.until)
	}
	return next
}

// used lists the Secrets that an Ingress names.
func (s *secrets) used(in *intent.Ingress) []*corev1.Secret {
	if len(in.Tls) == 0 && in.Asked.Auth.Secret == "" && in.Asked.ClientAuth.Secret == "" {
		return nil
	}
	used := make([]*corev1.Secret, 0, 2*len(in.Tls)+2)
	for _, entry := range in.Tls {
		used = append(used, s.of(in, entry.Secret), s.before(objects.Key{Namespace: in.Object.Namespace, Name: entry.Secret}))
	}
	return append(used, s.of(in, in.Asked.Auth.Secret), s.of(in, in.Asked.ClientAuth.Secret))
}

// of finds a Secret in the namespace of the Ingress: no other namespace's
// Secret is ever used for it.
func (s *secrets) of(in *intent.Ingress, name string) *corev1.Secret {
	return s.table.Get(objects.Key{Namespace: in.Object.Namespace, Name: name})
}

func (r *resolved) problem(reason gatelodge.Reason, format string, args ...any) {
	r.problems = append(r.problems, gatelodge.Problem{Object: r.Object, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

func resolveOne(in *intent.Ingress, s *secrets, objs *objects.Objects, orders bool) *resolved {
	r := &resolved{Ingress: in, orders: orders, uses: s.used(in), now: objs.Now}
	for i := range in.Tls {
		r.certificates = append(r.certificates, r.certificate(&in.Tls[i], s, objs))
	}
	r.policy = &gatelodge.Policy{Unavailable: in.Asked.Unavailable, Redirect: in.Asked.Redirect, HSTS: in.Asked.Hsts}
	if in.Asked.Auth.Basic && r.policy.Unavailable == "" {
		r.basicAuth(s)
	}
	if in.Asked.ClientAuth.Asks() {
		r.resolveClientAuth(s, objs)
	}
	return r
}

// certificate finds the certificate of an entry of spec.tls.
func (r *resolved) certificate(entry *intent.TlsAsk, s *secrets, objs *objects.Objects) *gatelodge.Certificate {
	if entry.Secret == "" {
		return nil
	}
	name := r.Object.Namespace + "/" + entry.Secret
	secret := s.of(r.Ingress, entry.Secret)
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
	begin, end := edges(certificate)
	r.until = earliest(objs.Now, r.until, begin, end)
	if why := outOfDate(certificate, objs.Now); why != "" {
		r.problem(gatelodge.BadCertificate, "the certificate in Secret %s for %s %s", name, r.hostsOf(entry), why)
		return nil
	}
	return certificate
}

// hostsOf names the hosts that an entry of spec.tls is for.
func (r *resolved) hostsOf(entry *intent.TlsAsk) string {
	if len(entry.Hosts) == 0 {
		return "all hosts"
	}
	names := make([]string, len(entry.Hosts))
	for i, host := range entry.Hosts {
		names[i] = string(host)
	}
	return "host " + strings.Join(names, ", ")
}

// basicAuth looks up the users. Without them the routes are not served:
// nobody's protection is dropped because of a mistake in it.
func (r *resolved) basicAuth(s *secrets) {
	auth := &r.Asked.Auth
	name := r.Object.Namespace + "/" + auth.Secret
	secret := s.of(r.Ingress, auth.Secret)
	if secret == nil {
		r.problem(gatelodge.SecretMissing, "there is no Secret %s, which auth-secret names", name)
		r.policy.Unavailable = "its users are not known"
		return
	}
	users, problems, err := intent.ReadUsers(secret, auth.SecretMap)
	for _, problem := range problems {
		r.problem(gatelodge.BadSecret, "Secret %s: %s", name, problem)
	}
	if err != nil {
		r.problem(gatelodge.BadSecret, "Secret %s, which auth-secret names, %v", name, err)
		r.policy.Unavailable = "its users are not known"
		return
	}
	r.policy.BasicAuth = &gatelodge.BasicAuth{Realm: auth.Realm, Users: users}
}

func (r *resolution) changedSince(last *resolution) []*intent.Ingress {
	if r == last {
		return nil
	}
	return r.changed
}

package kube

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
)

// ingress is what one Ingress asks for, read from that object alone.
type ingress struct {
	applicant
	source   *networkingv1.Ingress
	version  version
	defaults *classDefaults // of its class; nil: none
	asks     []hostAsk      // one a name, in the order of the rules
	tls      []tlsAsk
	asked    asked // by annotations
	problems []gatelodge.Problem
}

// hostAsk is what an Ingress wants for one name.
type hostAsk struct {
	name     gatelodge.Name
	paths    []pathAsk
	fallback *backendRef // for every path without a rule; nil: none asked for

	unrouted    bool // a record alone is asked for
	unpublished bool // a record is not asked for
}

// pathAsk is a path of a rule.
type pathAsk struct {
	path    string // canonical; a Prefix without a slash at its end
	match   gatelodge.PathMatch
	backend *backendRef
}

// tlsAsk is an entry of spec.tls.
type tlsAsk struct {
	hosts  []gatelodge.Name // empty: every host of the Ingress
	secret string           // in the namespace of the Ingress; "": somebody else brings the certificate
}

// covers tells whether the entry is meant for the host.
func (t *tlsAsk) covers(host gatelodge.Name) bool {
	return len(t.hosts) == 0 || slices.ContainsFunc(t.hosts, func(n gatelodge.Name) bool { return n.Matches(host) })
}

func (in *ingress) problem(reason gatelodge.Reason, format string, args ...any) {
	in.problems = append(in.problems, gatelodge.Problem{Object: in.object, Reason: reason, Message: fmt.Sprintf(format, args...)})
}

// readIngress reads what the Ingress asks for. What is wrong with a part of it
// is a problem, and the other parts stand.
func readIngress(source *networkingv1.Ingress, defaults *classDefaults, objects *Objects) *ingress {
	in := &ingress{
		applicant: applicant{
			object: objects.objectOf("Ingress", &source.ObjectMeta),
			since:  source.CreationTimestamp.Time,
		},
		source:   source,
		version:  objects.versionOf(&source.ObjectMeta),
		defaults: defaults,
	}
	in.asked = readAnnotations(source.Annotations, in)

	fallback := in.backend(source.Spec.DefaultBackend, "spec.defaultBackend")
	for i := range source.Spec.Rules {
		rule := &source.Spec.Rules[i]
		name, err := ruleHost(rule.Host)
		if err != nil {
			in.problem(gatelodge.BadHost, "spec.rules[%d]: %v", i, err)
			continue
		}
		in.add(name, in.paths(rule.HTTP, i), fallback)
	}
	if len(source.Spec.Rules) == 0 && fallback != nil {
		in.add("", nil, fallback)
	}
	for i, entry := range source.Spec.TLS {
		if ask, ok := in.tlsEntry(entry, i); ok {
			in.tls = append(in.tls, ask)
		}
	}
	in.addAliases()
	in.addHostnames()
	return in
}

// add asks for the paths of a name, together with those asked for before.
func (in *ingress) add(name gatelodge.Name, paths []pathAsk, fallback *backendRef) {
	for i := range in.asks {
		if in.asks[i].name == name {
			in.asks[i].paths = append(in.asks[i].paths, paths...)
			return
		}
	}
	in.asks = append(in.asks, hostAsk{name: name, paths: paths, fallback: fallback})
}

// ruleHost reads the host of a rule: a name, a wildcard below a name, or
// nothing for every host.
func ruleHost(host string) (gatelodge.Name, error) {
	if host == "" {
		return "", nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", fmt.Errorf("host %q is an address, expected a name", host)
	}
	name, err := gatelodge.ParseName(host)
	if err != nil {
		return "", err
	}
	if name == "*" {
		return "", fmt.Errorf(`host "*" has no name below the wildcard; leave the host out to match every host`)
	}
	return name, nil
}

func (in *ingress) paths(http *networkingv1.HTTPIngressRuleValue, rule int) []pathAsk {
	if http == nil {
		return nil
	}
	asks := make([]pathAsk, 0, len(http.Paths))
	for i := range http.Paths {
		source := &http.Paths[i]
		where := fmt.Sprintf("spec.rules[%d].http.paths[%d]", rule, i)
		path, match, err := rulePath(source)
		if err != nil {
			in.problem(gatelodge.BadPath, "%s: %v", where, err)
			continue
		}
		if backend := in.backend(&source.Backend, where+".backend"); backend != nil {
			asks = append(asks, pathAsk{path: path, match: match, backend: backend})
		}
	}
	return asks
}

// rulePath reads a path and its type. ImplementationSpecific is Prefix here,
// and the only type that may come without a path, as the API server has it.
func rulePath(source *networkingv1.HTTPIngressPath) (string, gatelodge.PathMatch, error) {
	if source.PathType == nil {
		return "", 0, fmt.Errorf("path %q has no pathType, expected Exact, Prefix or ImplementationSpecific", source.Path)
	}
	raw, match := source.Path, gatelodge.PathPrefix
	switch *source.PathType {
	case networkingv1.PathTypeExact:
		match = gatelodge.PathExact
	case networkingv1.PathTypePrefix:
	case networkingv1.PathTypeImplementationSpecific:
		if raw == "" {
			raw = "/"
		}
	default:
		return "", 0, fmt.Errorf("path %q has pathType %q, expected Exact, Prefix or ImplementationSpecific", raw, *source.PathType)
	}
	path, err := canonicalPath(raw)
	if err != nil {
		return "", 0, fmt.Errorf("path %q %w", raw, err)
	}
	if match == gatelodge.PathPrefix && path != "/" {
		// A slash at the end of a Prefix changes nothing, so both spellings
		// are one path: it can be claimed once, and an Exact path of the same
		// length goes before it.
		path = strings.TrimSuffix(path, "/")
		if path == "" {
			path = "/"
		}
	}
	return path, match, nil
}

// backend reads a reference to a Service port; nil if there is none that can
// be served.
func (in *ingress) backend(source *networkingv1.IngressBackend, where string) *backendRef {
	switch {
	case source == nil:
		return nil
	case source.Resource != nil:
		in.problem(gatelodge.BackendUnsupported, "%s is a resource (%s %s), expected a service", where, source.Resource.Kind, source.Resource.Name)
		return nil
	case source.Service == nil || source.Service.Name == "":
		in.problem(gatelodge.BackendMissing, "%s names no service", where)
		return nil
	}
	port := source.Service.Port.Name
	if port == "" {
		port = strconv.Itoa(int(source.Service.Port.Number))
	}
	return newBackendRef(ServicePort{Namespace: in.object.Namespace, Name: source.Service.Name, Port: port}, in.asked.protocol, in.asked.backendTLS)
}

func (in *ingress) tlsEntry(source networkingv1.IngressTLS, i int) (tlsAsk, bool) {
	ask := tlsAsk{secret: source.SecretName}
	for _, host := range source.Hosts {
		name, err := ruleHost(host)
		if err != nil || name == "" {
			in.problem(gatelodge.BadHost, "spec.tls[%d]: host %q is no name", i, host)
			continue
		}
		ask.hosts = append(ask.hosts, name)
	}
	// An entry all of whose hosts are unreadable must not become one for every
	// host.
	return ask, len(ask.hosts) > 0 || len(source.Hosts) == 0
}

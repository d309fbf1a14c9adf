package intent

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// PathAsk is a path of a rule.
type PathAsk struct {
	Path    string // canonical; a Prefix without a slash at its end
	Match   gatelodge.PathMatch
	Backend *BackendRef

	Pattern    *regexp.Regexp        // of a PathPattern
	Size       int                   // of Pattern, in what it is made of
	RedirectTo *gatelodge.RedirectTo // instead of Backend, which is nil then
}

// TLSEntry is an entry of spec.tls.
type TLSEntry struct {
	Hosts  []gatelodge.Name // empty: every host of the Ingress
	Secret string           // in the namespace of the Ingress; "": the certificate comes from elsewhere

	in *Claimant // whose further names are covered with their hosts
}

// Covers reports whether the entry applies to the host.
func (t *TLSEntry) Covers(host gatelodge.Name) bool {
	for further := true; further; host, further = t.in.also[host] {
		if len(t.Hosts) == 0 || slices.ContainsFunc(t.Hosts, func(n gatelodge.Name) bool { return n.Matches(host) }) {
			return true
		}
	}
	return false
}

// readIngress reads an Ingress. A mistake in a part is a problem, and the other parts
// take effect.
func readIngress(source *networkingv1.Ingress, defaults *annotations.Defaults, tenant annotations.Tenant, objs *objects.Objects, cfg *objects.Config) *Claimant {
	in := &Claimant{
		Applicant: Applicant{
			Object: objs.ObjectOf("Ingress", &source.ObjectMeta),
			Since:  source.CreationTimestamp.Time,
		},
		Source:   source,
		defaults: defaults,
	}
	in.Asked = annotations.Read(source.Annotations, source.Namespace, defaults, in.problem)
	in.settle(tenant)
	in.Asked.Compression.FillIn(&cfg.Compression)
	in.Asked.ReadSnippets(cfg.Snippets, in.problem)
	in.Patterns = asksForPatterns(&in.Asked, source)
	if in.Asked.Canary.On {
		in.readCanary(source)
		in.tellIneffective(cfg)
		return in
	}
	in.Mirror = in.mirror()
	fallback := in.backend(source.Spec.DefaultBackend, "spec.defaultBackend")
	for i := range source.Spec.Rules {
		rule := &source.Spec.Rules[i]
		name, err := syntax.RuleHost(rule.Host)
		if err != nil {
			in.problem(gatelodge.BadHost, "spec.rules[%d]: %v", i, err)
			continue
		}
		in.add(name, in.paths(rule.HTTP, i), fallback)
	}
	if len(source.Spec.Rules) == 0 && fallback != nil {
		in.add("", nil, fallback)
	}
	size := 0
	for i, entry := range source.Spec.TLS {
		if size += 1 + len(entry.Hosts); size > maxTLS {
			in.problem(gatelodge.TooMuch, "spec.tls has more than %d entries and hosts, and what follows from spec.tls[%d] on is left out", maxTLS, i)
			break
		}
		if ask, ok := in.tlsEntry(entry, i); ok {
			in.TLS = append(in.TLS, ask)
		}
	}
	in.sharePaths()
	in.addAliases()
	in.addWWW()
	in.addShortNames(cfg)
	in.addHostnames()
	in.places = nil
	in.tellIneffective(cfg)
	return in
}

func (in *Claimant) tellIneffective(cfg *objects.Config) {
	if message := in.Asked.IneffectiveOnIngress(in.Source, func() bool { return in.asksForRecord(cfg) }); message != "" {
		in.problem(gatelodge.UnknownAnnotation, "%s", message)
	}
}

// asksForRecord reports whether the object claims a name in one of the gateway's zones.
func (in *Claimant) asksForRecord(cfg *objects.Config) bool {
	return slices.ContainsFunc(in.Claims, func(claim Claim) bool { return cfg.HasZoneOf(claim.Name) })
}

// sharePaths gives names with the same paths, such as aliases, one list of them, so
// that their hosts share one list of routes.
func (in *Claimant) sharePaths() {
	if len(in.Claims) < 2 {
		return
	}
	lists := make(map[string][]PathAsk)
	for i := range in.Claims {
		claim := &in.Claims[i]
		var text strings.Builder
		for _, ask := range claim.Paths {
			fmt.Fprintf(&text, "%s %q %q\n", ask.Match, ask.Path, ask.Backend.Key)
		}
		if same, ok := lists[text.String()]; ok {
			claim.Paths = same
		} else {
			lists[text.String()] = claim.Paths
		}
	}
}

// add adds the paths of a name to the earlier ones.
func (in *Claimant) add(name gatelodge.Name, paths []PathAsk, fallback *BackendRef) {
	if claim := in.claim(name); claim != nil {
		claim.Paths, claim.Fallback = append(claim.Paths, paths...), fallback
	}
}

func (in *Claimant) paths(http *networkingv1.HTTPIngressRuleValue, rule int) []PathAsk {
	if http == nil {
		return nil
	}
	asks := make([]PathAsk, 0, len(http.Paths))
	for i := range http.Paths {
		source := &http.Paths[i]
		where := fmt.Sprintf("spec.rules[%d].http.paths[%d]", rule, i)
		ask, err := in.path(source)
		instead := ""
		if ask.Match != gatelodge.PathPattern {
			instead = syntax.InsteadOfPattern(source.Path)
		}
		if err != nil {
			in.problem(gatelodge.BadPath, "%s: %v%s", where, err, instead)
			continue
		}
		if instead != "" {
			in.problem(gatelodge.BadPath, "%s: path %q is matched literally, so only a request with exactly these characters matches%s", where, source.Path, instead)
		}
		if ask.Backend = in.backend(&source.Backend, where+".backend"); ask.Backend != nil {
			asks = append(asks, ask)
		}
	}
	return asks
}

// path reads a path, which may be a regular expression.
func (in *Claimant) path(source *networkingv1.HTTPIngressPath) (PathAsk, error) {
	if !in.Patterns || source.Path == "" || source.Path == "/" || source.PathType == nil {
		path, match, err := rulePath(source)
		return PathAsk{Path: path, Match: match}, err
	}
	ask, err := in.pattern(source.Path)
	if err != nil {
		return ask, fmt.Errorf("path %q %w", source.Path, err)
	}
	return ask, nil
}

// rulePath reads a path and its type. ImplementationSpecific means Prefix here, and is
// the only type that may have no path, as at the API server.
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
	path, err := gatelodge.RoutePath(raw)
	if err != nil {
		return "", 0, fmt.Errorf("path %q %w", raw, err)
	}
	if match == gatelodge.PathPrefix && path != "/" {
		// A slash at the end of a Prefix has no effect, so both spellings are one path:
		// it can be claimed once, and an Exact path of the same length takes
		// precedence.
		path = strings.TrimSuffix(path, "/")
		if path == "" {
			path = "/"
		}
	}
	return path, match, nil
}

// backend reads a reference to a Service port; nil if it can't be served.
func (in *Claimant) backend(source *networkingv1.IngressBackend, where string) *BackendRef {
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
	ref := NewBackendRef(objects.ServicePort{Namespace: in.Object.Namespace, Name: source.Service.Name, Port: port}, in.Asked.Protocol, in.Asked.BackendTLS, in.Asked.HealthCheck)
	if in.Asked.ServiceUpstream {
		ref.Key += "+service"
		ref.Whole = true
	}
	return ref
}

func (in *Claimant) tlsEntry(source networkingv1.IngressTLS, i int) (TLSEntry, bool) {
	ask := TLSEntry{Secret: source.SecretName, in: in}
	for _, host := range source.Hosts {
		name, err := syntax.RuleHost(host)
		if err != nil || name == "" {
			in.problem(gatelodge.BadHost, "spec.tls[%d]: host %q is not a valid name%s", i, host, syntax.WriteInstead(host))
			continue
		}
		ask.Hosts = append(ask.Hosts, name)
	}
	// An entry with only invalid hosts must not become one for every host.
	return ask, len(ask.Hosts) > 0 || len(source.Hosts) == 0
}

// ConfigMapNames lists the ConfigMaps of its own namespace that an Ingress names.
func (in *Claimant) ConfigMapNames() []string {
	var names []string
	if name := in.Asked.Rewrites.ResponseFields; name != "" {
		names = append(names, name)
	}
	if name := in.Asked.AuthConfigMap(); name != "" {
		names = append(names, name)
	}
	return names
}

// SecretNames lists the Secrets of its own namespace that an Ingress names; some may be
// "".
func (in *Claimant) SecretNames() []string {
	names := []string{in.Asked.Auth.Secret, in.Asked.BackendTLS.Secret, in.Asked.ClientAuth.Secret}
	for _, entry := range in.TLS {
		names = append(names, entry.Secret)
	}
	return names
}

package annotations

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/nginxnames"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// The prefixes of annotations that are read. Where two name the same thing,
// the one that is listed first wins.
const (
	OwnPrefix   = "gatelodge.dev/"
	nginxPrefix = syntax.NginxPrefix
)

// DomainsAnnotation, on a Namespace, lists the names at or below which the
// objects of the namespace may claim names. It is the administrators' word:
// who writes Ingresses has no right to write Namespaces, as a rule.
const DomainsAnnotation = OwnPrefix + "domains"

// WithdrawAnnotation, on a Service, lists addresses of its load balancer that are
// about to go and that no answer names any more.
const WithdrawAnnotation = OwnPrefix + "withdraw-addresses"

// asked is what the annotations of an Ingress ask for.
type Asked struct {
	namespace       string // of the Ingress
	Redirect        gatelodge.Redirect
	Redirects       redirectAsk
	Rewrites        rewriteAsk
	HSTS            *string
	AllowFrom       gatelodge.Networks
	DenyFrom        gatelodge.Networks
	Auth            authAsk
	SatisfyAny      bool     // one of AllowFrom, Auth and the service of auth-url is enough
	NoAuth          []string // at paths that begin so, neither users nor services are asked for
	ClientAuth      clientAuthAsk
	Protocol        gatelodge.BackendProtocol // "": what the Service port says
	BackendTLS      BackendTLSAsk
	Balance         BalanceAsk
	Affinity        affinityAsk
	HealthCheck     HealthCheckAsk
	Ejection        *gatelodge.EjectionChange // nil: none
	Limits          LimitsAsk
	CORS            corsAsk
	BackendURLs     backendURLsAsk
	Compression     CompressionAsk
	Buffering       BufferingAsk
	ErrorPages      ErrorPagesAsk
	Records         externaldns.Ask
	Snippets        snippetAsk
	Canary          CanaryAsk
	Mirror          MirrorAsk
	Passthrough     bool             // connections over TLS go to the backend as they are
	ServiceUpstream bool             // requests go to the address of the Service
	Aliases         []gatelodge.Name // further names of its first host
	Guests          []string         // namespaces that may add paths to its hosts
	ShortNames      ShortNames
	Contact         string   // the e-mail address of who answers for its hosts; "" for none
	Views           []string // by name; nil: it says nothing
	ACME            acmeAsk
	Certificate     objects.CertificateAsk // of the Ingress itself …
	ByClass         objects.CertificateAsk // … and of its class, as far as that does not say otherwise
	Unlogged        bool
	Tracing         tracingAsk
	Unavailable     string // why a protection that is asked for can't be given

	externalAuth   externalAuthAsk // of the Ingress, after its class
	globalAuth     externalAuthAsk // of its class, where it has none of its own
	noGlobalAuth   bool
	authURLByClass bool // that of externalAuth is the operator's word
}

// acmeAsk says whether certificates are to be ordered for an Ingress.
type acmeAsk uint8

const (
	ACMEUnset acmeAsk = iota // where spec.tls asks for one and no Secret has it
	ACMEYes                  // acme: "true"
	ACMENo                   // acme: "false", or cert-manager brings it
)

// row is an annotation that is honoured: ours and ingress-nginx's of the same
// name, with the same meaning.
type row struct {
	name    string
	expects string // completes "expected …"
	set     func(a *Asked, value string) error
	// protects: a request must not be served without what it asks for, so a
	// value that can't be read makes the routes unavailable.
	protects bool
	means    string // what it does, with its default: docs/annotations.md, in Markdown
	differs  string // from ingress-nginx; "" if in nothing, or if that has none of the name
}

// group is annotations that are about one thing. Each has a table in
// docs/annotations.md.
type group struct {
	title string
	rows  []row
}

// groups lists what is honoured; a new policy adds its rows.
func groups() []group {
	return []group{
		{"HTTPS, hosts and certificates", otherRows()},
		{"Redirects", redirectRows()},
		{"Paths and what the backend gets", rewriteRows()},
		{"TLS to backends", backendTLSRows()},
		{"Passwords", authRows()},
		{"Another server decides", externalAuthRows()},
		{"Another server decides, in the ConfigMap of a class alone", classAuthRows()},
		{"Addresses of clients", sourceRangeRows()},
		{"Client certificates", clientAuthRows()},
		{"Balancing", balanceRows()},
		{"Ejection", ejectionRows()},
		{"Health checks", healthCheckRows()},
		{"Sessions", affinityRows()},
		{"Canaries", canaryRows()},
		{"Mirroring", mirrorRows()},
		{"Limits, timeouts and retries", limitRows()},
		{"Scripts of other origins", corsRows()},
		{"Error pages", errorPageRows()},
		{"URLs in a backend's answers", backendURLRows()},
		{"Compression", compressionRows()},
		{"Buffering", bufferingRows()},
		{"Traces", tracingRows()},
		{"Snippets", snippetRows()},
	}
}

func policyRows() []row {
	var rows []row
	for _, g := range groups() {
		rows = append(rows, g.rows...)
	}
	return rows
}

func otherRows() []row {
	return []row{
		{"ssl-redirect", `"true" or "false"`, setSSLRedirect, false,
			"A host that has a valid certificate answers plain HTTP with 308 to HTTPS, unless this is `false`; by default `true`.", "The redirect keeps a slash at the end of the path, which ingress-nginx cuts off without `preserve-trailing-slash`, and dot segments are removed from it."},
		{"force-ssl-redirect", `"true" or "false"`, setForceSSLRedirect, false,
			"Plain HTTP is redirected whether the host has a certificate or not; by default `false`.", "The redirect keeps a slash at the end of the path, which ingress-nginx cuts off without `preserve-trailing-slash`, and dot segments are removed from it."},
		{"hsts", `"off", or a field such as "max-age=31536000; includeSubDomains"`, setHSTS, false,
			"What answers over HTTPS say in Strict-Transport-Security, in place of the configuration's `hsts` ([certificates.md](certificates.md#hsts)).", ""},
		{"backend-protocol", "HTTP, HTTPS, AUTO_HTTP, GRPC, GRPCS or H2C", setBackendProtocol, true,
			"What the backends of this Ingress speak, whatever their Service says. A Service port can say it for itself by its [`appProtocol`](backends.md#appprotocol).", "FCGI is refused, and the routes answer 503: put a web server before the application and write HTTP."},
		{"ssl-passthrough", `"true" or "false"`, setPassthrough, false,
			"Connections over TLS for the hosts go as they are to the backend of path `/`, which has the certificate ([backends.md](backends.md#tls-that-is-passed-on)).", "It needs no flag of the operator. Lists of addresses hold; other protections can't, which is a problem. Plain HTTP is redirected to HTTPS as where the gateway has a certificate."},
		{"service-upstream", `"true" or "false"`, setServiceUpstream, false,
			"Requests go to the address of the Service (its ClusterIP) and not to its endpoints; by default `false`. For service meshes that look at that address.", "A Service without one is reached at its endpoints."},
		{"server-alias", "names separated by commas", setServerAlias, false,
			"Further names of the host of the first rule: the same paths, the certificates of the same `spec.tls` entries, and a record each.", "A regular expression is a problem: it can be neither claimed nor certified. The other names count."},
		{"short-names", `"true", "false" or "redirect"`, setShortNames, false,
			"Hosts below a project are served without the [levels](domains.md) above it as well: the same paths, a record and a certificate each. With `redirect` those redirect to the long names with 308. By default as the Namespace says, which may have this annotation too, and else `false`.", ""},
		{"contact", "an email address, such as team@example.com", setContact, false,
			"Who answers for the hosts: in views with `owners: true` [records](domains.md#contacts) tell it. By default the Namespace's, which may have this annotation too.", ""},
		{"share-host-with", "namespaces separated by commas", setShareHostWith, false,
			"These namespaces may add paths to the hosts of this Ingress, as far as its own namespace has them.", ""},
		{"views", "names of views separated by commas", setViews, false,
			"In which [views](views.md) the hosts are: where they are served, certified and published. Without it those that the same annotation of the Namespace lists, or else all that the namespace may use.", ""},
		{"enable-access-log", `"true" or "false"`, setAccessLog, false,
			"Whether its requests have lines in the access log, if the configuration has any; by default `true`.", ""},
		{"acme", `"true" or "false"`, setACME, false,
			"`true`: a certificate is ordered for the hosts, unless a Secret has one; `false`: none is. Without it one is ordered where `spec.tls` asks for it ([certificates.md](certificates.md#for-teams)).", ""},
		{"acme-key-type", "ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096, or one of ECDSA and one of RSA separated by a comma", setKeyTypes, false,
			"The type of the key of certificates that are ordered; of two a client gets the one that it can verify ([certificates.md](certificates.md#keys-and-profiles)). By default the configuration's `acme.keyType`.", ""},
		{"acme-profile", "the name of a profile, of up to 64 letters, digits and characters of ._-", setProfile, false,
			"The profile of certificates that are ordered, such as `shortlived`, if the CA has it ([certificates.md](certificates.md#keys-and-profiles)). By default the configuration's `acme.profile`.", ""},
	}
}

// Report is told of what is wrong in an object. It takes what fmt.Sprintf takes.
type Report func(reason gatelodge.Reason, format string, args ...any)

// Read reads all annotations of an Ingress that are addressed to us, after the
// defaults of its class, nil for none, and tells what is not honoured.
func Read(annotations map[string]string, namespace string, defaults *Defaults, tell Report) Asked {
	a := Asked{namespace: namespace, ClientAuth: clientAuthAsk{Depth: defaultClientAuthDepth}, Limits: defaultLimits(), Buffering: defaultBuffering(), CORS: defaultCORS(), Balance: BalanceAsk{size: defaultSubset}}
	if len(annotations) == 0 && defaults == nil {
		return a
	}
	if key := decisive(annotations, "canary"); key != "" {
		a.honour(key, "canary", annotations[key], tell)
	}
	defaults.apply(&a, annotations)
	a.ByClass, a.Certificate = a.Certificate, objects.CertificateAsk{}
	a.Records = externaldns.ReadIngress(annotations, tell)
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if name, ok := policyName(key); ok {
			switch {
			case name == "canary", a.Canary.On && policies()[name] != nil && !countsForCanary(name):
			case isOfClass(name):
				tell(gatelodge.UnknownAnnotation, "annotation %s is not honoured: it belongs into the ConfigMap of the IngressClass", key)
			case decisive(annotations, name) == key:
				a.honour(key, name, annotations[key], tell)
			}
		}
	}
	if a.Canary.On {
		a.Canary.check(tell)
		return Asked{namespace: namespace, Canary: a.Canary, Balance: a.Balance}
	}
	a.modSecurity(annotations, defaults, tell)
	a.Auth.check(&a, tell)
	a.BackendTLS.check(&a, tell)
	a.Limits.check(tell)
	if a.ACME == ACMEUnset && syntax.IsCertManagers(annotations) {
		a.ACME = ACMENo
	}
	a.ClientAuth.check(&a, tell)
	return a
}

// policyName cuts the prefix off the key of an annotation that asks for a policy.
func policyName(key string) (name string, ok bool) {
	if name, ok = strings.CutPrefix(key, OwnPrefix); !ok {
		name, ok = strings.CutPrefix(key, nginxPrefix)
	}
	return name, ok
}

// decisive returns the key of the annotation that decides what name asks for, and
// "" if there is none: ours before ingress-nginx's, and the current name before
// an older one.
func decisive(annotations map[string]string, name string) string {
	names := [2]string{currentName(name), olderName(name)}
	for _, prefix := range [2]string{OwnPrefix, nginxPrefix} {
		for _, name := range names {
			if _, ok := annotations[prefix+name]; ok && name != "" && !isInvented(prefix+name) {
				return prefix + name
			}
		}
	}
	return ""
}

// honour reads an annotation of a policy. One whose value asks for nothing does
// no more than to override others: templates write those.
func (a *Asked) honour(key, name, value string, tell Report) {
	if asksForNothing(name, strings.TrimSpace(value)) {
		return
	}
	if row := policies()[name]; row != nil {
		row.apply(a, key, value, tell)
		return
	}
	v := nginxnames.UnhonouredByName()[name]
	if v == nil {
		tell(gatelodge.UnknownAnnotation, "annotation %s is not honoured", key)
		return
	}
	tell(gatelodge.UnknownAnnotation, "annotation %s %s", key, v)
	if v.Protects {
		a.deny("annotation " + key + " can't be kept")
	}
}

// policies has the rows by the name of the annotation.
var policies = sync.OnceValue(func() map[string]*row { return byName(policyRows()) })

func byName(rows []row) map[string]*row {
	named := make(map[string]*row, len(rows))
	for i := range rows {
		named[rows[i].name] = &rows[i]
	}
	return named
}

func (r *row) apply(a *Asked, key, value string, tell Report) {
	err := r.set(a, strings.TrimSpace(value))
	if err == nil {
		return
	}
	tell(gatelodge.BadAnnotation, "annotation %s: %.60q %v, expected %s", key, value, err, r.expects)
	if r.protects {
		a.deny("annotation " + key + " can't be kept")
	}
}

// deny makes the routes unavailable; the first reason stays.
func (a *Asked) deny(why string) {
	if a.Unavailable == "" {
		a.Unavailable = why
	}
}

func setACME(a *Asked, value string) error {
	on, err := syntax.ParseBool(value)
	if err == nil {
		if a.ACME = ACMENo; on {
			a.ACME = ACMEYes
		}
	}
	return err
}

func setKeyTypes(a *Asked, value string) (err error) {
	a.Certificate.KeyTypes, err = gatelodge.ParseKeyTypes(value)
	return err
}

func setProfile(a *Asked, value string) (err error) {
	a.Certificate.Profile, err = syntax.ReadProfile(value)
	return err
}

func setServiceUpstream(a *Asked, value string) (err error) {
	a.ServiceUpstream, err = syntax.ParseBool(value)
	return err
}

func setPassthrough(a *Asked, value string) (err error) {
	a.Passthrough, err = syntax.ParseBool(value)
	return err
}

func setAccessLog(a *Asked, value string) error {
	on, err := syntax.ParseBool(value)
	a.Unlogged = err == nil && !on
	return err
}

func setSSLRedirect(a *Asked, value string) error {
	on, err := syntax.ParseBool(value)
	if err == nil && !on && a.Redirect != gatelodge.RedirectAlways {
		a.Redirect = gatelodge.RedirectNever
	}
	return err
}

// setForceSSLRedirect: who forces means it, whatever ssl-redirect says.
func setForceSSLRedirect(a *Asked, value string) error {
	on, err := syntax.ParseBool(value)
	if err == nil && on {
		a.Redirect = gatelodge.RedirectAlways
	}
	return err
}

func setHSTS(a *Asked, value string) error {
	if value == "off" {
		value = ""
	} else if err := gatelodge.CheckHSTS(value); err != nil {
		return err
	}
	a.HSTS = &value
	return nil
}

func setBackendProtocol(a *Asked, value string) error {
	switch strings.ToUpper(value) {
	case "HTTP", "AUTO_HTTP":
		a.Protocol = gatelodge.BackendHTTP
	case "GRPC", "H2C":
		a.Protocol = gatelodge.BackendH2C
	case "HTTPS":
		a.Protocol = gatelodge.BackendHTTPS
	case "GRPCS":
		a.Protocol = gatelodge.BackendH2
	case "FCGI":
		return errors.New("is not spoken; put a web server that speaks HTTP before the application")
	default:
		return errors.New("is not a backend protocol")
	}
	return nil
}

// checkBool is for what changes nothing here.
func checkBool(_ *Asked, value string) error {
	_, err := syntax.ParseBool(value)
	return err
}

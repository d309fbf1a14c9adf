package intent

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// The prefixes of annotations that are read. Where two name the same thing,
// the one that is listed first wins.
const (
	OwnPrefix         = "gatelodge.dev/"
	nginxPrefix       = "nginx.ingress.kubernetes.io/"
	ExternalDNSPrefix = "external-dns.kubernetes.io/"
	ExternalDNSAlpha  = "external-dns.alpha.kubernetes.io/"
)

// domainsAnnotation, on a Namespace, lists the names at or below which the
// objects of the namespace may claim names. It is the administrators' word:
// who writes Ingresses has no right to write Namespaces, as a rule.
const DomainsAnnotation = OwnPrefix + "domains"

// asked is what the annotations of an Ingress ask for.
type asked struct {
	namespace   string // of the Ingress
	Redirect    gatelodge.Redirect
	Redirects   redirectAsk
	Rewrites    rewriteAsk
	HSTS        *string
	AllowFrom   gatelodge.Networks
	DenyFrom    gatelodge.Networks
	Auth        authAsk
	ClientAuth  clientAuthAsk
	protocol    gatelodge.BackendProtocol // "": what the Service port says
	BackendTLS  BackendTLSAsk
	Balance     BalanceAsk
	Affinity    affinityAsk
	HealthCheck HealthCheckAsk
	Ejection    *gatelodge.EjectionChange // nil: none
	Limits      LimitsAsk
	Records     recordAsk
	canary      bool             // it gets a part of the requests of another Ingress
	aliases     []gatelodge.Name // further names of its first host
	Guests      []string         // namespaces that may add paths to its hosts
	ACME        acmeAsk
	Unavailable string // why a protection that is asked for can't be given
}

// acmeAsk says whether certificates are to be ordered for an Ingress.
type acmeAsk uint8

const (
	ACMEUnset acmeAsk = iota // where spec.tls asks for one and no Secret has it
	ACMEYes                  // acme: "true"
	ACMENo                   // acme: "false", or cert-manager brings it
)

// annotation is one that is honoured: ours and ingress-nginx's of the same
// name, with the same meaning.
type annotation struct {
	name    string
	expects string // completes "expected …"
	set     func(a *asked, value string) error
	// protects: a request must not be served without what it asks for, so a
	// value that can't be read makes the routes unavailable.
	protects bool
}

// errNotYet is for what is known but not built. It is an annotation's author
// who reads it.
var errNotYet = errors.New("is not available yet")

// annotationTable lists what is honoured; a new policy adds a row.
func annotationTable() []annotation {
	return []annotation{
		{"ssl-redirect", `"true" or "false"`, setSSLRedirect, false},
		{"force-ssl-redirect", `"true" or "false"`, setForceSSLRedirect, false},
		{"permanent-redirect", "an absolute URL, such as https://www.example.com$request_uri", setPermanentRedirect, false},
		{"permanent-redirect-code", "301, 302, 303, 307 or 308", setPermanentRedirectCode, false},
		{"temporal-redirect", "an absolute URL, such as https://www.example.com$request_uri", setTemporalRedirect, false},
		{"temporal-redirect-code", "301, 302, 303, 307 or 308", setTemporalRedirectCode, false},
		{"app-root", "a path, such as /app", setAppRoot, false},
		{"from-to-www-redirect", `"true" or "false"`, setWWWRedirect, false},
		{"preserve-trailing-slash", `"true" or "false"`, checkBool, false}, // a slash is always kept
		{"relative-redirects", `"true" or "false"`, checkBool, false},      // none of ours could be relative
		{"use-regex", `"true" or "false"`, setUseRegex, false},
		{"rewrite-target", "a path, such as /$1", setRewriteTarget, true},
		{"upstream-vhost", "a host, such as app.internal.example.com", setUpstreamVhost, false},
		{"x-forwarded-prefix", "a path, such as /app", setForwardedPrefix, false},
		{"hsts", `"off", or a field such as "max-age=31536000; includeSubDomains"`, setHSTS, false},
		{"backend-protocol", "HTTP, HTTPS, AUTO_HTTP, GRPC, GRPCS or H2C", setBackendProtocol, true},
		{"proxy-ssl-verify", "on or off", setProxySSLVerify, true},
		{"proxy-ssl-secret", "a Secret of the same namespace", setProxySSLSecret, true},
		{"proxy-ssl-name", "a name", setProxySSLName, true},
		{"proxy-ssl-server-name", "on or off", setProxySSLServerName, false},
		{"auth-type", `"basic"`, setAuthType, true},
		{"auth-secret", "a Secret of the same namespace", setAuthSecret, true},
		{"auth-secret-type", `"auth-file" or "auth-map"`, setAuthSecretType, true},
		{"auth-realm", "text without control characters", setAuthRealm, false},
		{allowlist, sourceRangeExpects, setAllowlist, true},
		{olderAllowlist, sourceRangeExpects, setAllowlist, true},
		{"denylist-source-range", sourceRangeExpects, setDenylist, true},
		{"auth-tls-secret", "a Secret of the same namespace", setClientAuth(setClientAuthSecret), true},
		{"auth-tls-verify-client", `"on", "off", "optional" or "optional_no_ca"`, setClientAuth(setClientAuthMode), true},
		{"auth-tls-verify-depth", "a number from 0 to 10", setClientAuth(setClientAuthDepth), true},
		{"auth-tls-match-cn", `a regular expression that starts with "CN="`, setClientAuth(setClientAuthSubject), true},
		{"auth-tls-error-page", "a URL of http or https", setClientAuthErrorPage, false},
		{"auth-tls-pass-certificate-to-upstream", `"true" or "false"`, setClientAuthPass, false},
		{"load-balance", gatelodge.AlgorithmNames(), setLoadBalance, false},
		{"slow-start", "a duration such as 30s, up to 1h", setSlowStart, false},
		{"upstream-hash-by", "one of the variables $request_uri, $uri, $args, $host, $remote_addr, $http_NAME, $cookie_NAME or $arg_NAME, or several", setHashBy, false},
		{"upstream-hash-by-subset", `"true" or "false"`, setHashBySubset, false},
		{"upstream-hash-by-subset-size", "a number from 1 to 64", setHashBySubsetSize, false},
		{"upstream-hash-by-bound", "a percentage above 100% and up to 1000%, such as 125%", setHashByBound, false},
		{"ejection-failures", `"off", or a number from 1 to 1000`, setEjectionFailures, false},
		{"ejection-time", "a duration from 1s to 1h, such as 10s", setEjectionTime, false},
		{"ejection-share", "a percentage from 0% to 100%, such as 50%", setEjectionShare, false},
		{"health-check", `"off", "http", "grpc" or "tcp"`, setHealthCheck, false},
		{"health-check-path", "a path such as /healthz", setHealthCheckPath, false},
		{"health-check-service", "the name of a gRPC service", setHealthCheckService, false},
		{"health-check-interval", "a duration from 1s to 1h, such as 10s", setHealthCheckInterval, false},
		{"health-check-timeout", "a duration from 1s to 1h, such as 2s", setHealthCheckTimeout, false},
		{"affinity", `"cookie"`, setAffinity, false},
		{"affinity-mode", `"balanced" or "persistent"`, setAffinityMode, false},
		{"session-cookie-name", "a name of letters, digits, hyphens and underscores", setCookieName, false},
		{"session-cookie-expires", "a number of seconds", setCookieExpires, false},
		{"session-cookie-max-age", "a number of seconds", setCookieMaxAge, false},
		{"session-cookie-path", "a path that starts with /", setCookiePath, false},
		{"session-cookie-domain", "a domain such as example.com", setCookieDomain, false},
		{"session-cookie-samesite", `"Strict", "Lax" or "None"`, setCookieSameSite, false},
		{"session-cookie-conditional-samesite-none", `"true" or "false"`, setConditionalSameSiteNone, false},
		{"session-cookie-secure", `"true" or "false"`, setCookieSecure, false},
		{"session-cookie-change-on-failure", `"true" or "false"`, setChangeOnFailure, false},

		{"limit-rps", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.client.PerSecond }), true},
		{"limit-rpm", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.client.PerMinute }), true},
		{"limit-burst-multiplier", "a number from 0 to 1000", setCount(1000, func(l *LimitsAsk) *int { return &l.client.Burst }), true},
		{"limit-connections", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.client.Connections }), true},
		{exempt, sourceRangeExpects, setExempt, false},
		{olderExempt, sourceRangeExpects, setExempt, false},
		{"limit-rate", expectsKiB, setKiB(func(l *LimitsAsk) *int64 { return &l.bandwidth.Rate }), false},
		{"limit-rate-after", expectsKiB, setKiB(func(l *LimitsAsk) *int64 { return &l.bandwidth.After }), false},
		{"max-requests", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.maxRequests }), true},
		{"max-pending", "a number from 0 to 1000000", setCount(mostCount, func(l *LimitsAsk) *int { return &l.maxPending }), false},
		{"proxy-body-size", "a size such as 512k, 8m or 1g, or 0 for no limit", setBodySize, true},
		{"proxy-connect-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Connect }), false},
		{"proxy-send-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Send }), false},
		{"proxy-read-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Read }), false},
		{"request-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Request }), false},
		{"proxy-next-upstream", `"off", or some of ` + gatelodge.RetryWords(), setNextUpstream, false},
		{"proxy-next-upstream-tries", "a number from 0 to 100, where 0 is as many as there are endpoints", setTries, false},
		{"proxy-next-upstream-timeout", expectsDuration + ", where 0 is no bound", setRetryWithin, false},

		// A protection that ingress-nginx knows: what asks for it is not served
		// without it.
		{"auth-url", "", notYet, true},

		{"canary", `"true" or "false"`, setCanary, false},
		{"server-alias", "names separated by commas", setServerAlias, false},
		{"share-host-with", "namespaces separated by commas", setShareHostWith, false},

		{"acme", `"true" or "false"`, setACME, false},
	}
}

// recordAnnotationTable lists the annotations of ExternalDNS for an Ingress.
// Those for single DNS providers are none of ours.
func recordAnnotationTable() []annotation {
	return []annotation{
		{"ttl", "seconds, or a duration such as 5m, from 1s to 2147483647s", setTTL, false},
		{"target", "addresses, or one name, separated by commas", setTarget, false},
		{"hostname", "names separated by commas", setHostname, false},
		{"internal-hostname", "the annotation hostname", setInternalHostname, false},
		{"ingress-hostname-source", "annotation-only or defined-hosts-only", setHostnameSource, false},
		{"controller", "", setController, false},
	}
}

// readAnnotations reads all that is addressed to us, after the defaults of the
// class, and reports to in what is not honoured.
func readAnnotations(annotations map[string]string, in *Claimant) asked {
	a := asked{namespace: in.Object.Namespace, ClientAuth: clientAuthAsk{Depth: defaultClientAuthDepth}, Limits: defaultLimits(), Balance: BalanceAsk{size: defaultSubset}}
	if len(annotations) == 0 && in.defaults == nil {
		return a
	}
	table, records := annotationTable(), recordAnnotationTable()
	in.defaults.apply(&a, table, annotations)
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if name, ok := policyName(key); ok {
			if decisive(annotations, name) == key {
				a.honour(table, key, name, annotations[key], in)
			}
		} else if name, ok := strings.CutPrefix(key, ExternalDNSPrefix); ok {
			a.honourRecord(records, key, name, annotations[key], in)
		} else if name, ok := strings.CutPrefix(key, ExternalDNSAlpha); ok {
			if _, overridden := annotations[ExternalDNSPrefix+name]; !overridden {
				a.honourRecord(records, key, name, annotations[key], in)
			}
		}
	}
	a.Auth.check(&a, in)
	a.BackendTLS.check(&a, in)
	a.Limits.check(in)
	if a.ACME == ACMEUnset && isCertManagers(annotations) {
		a.ACME = ACMENo
	}
	a.ClientAuth.check(&a, in)
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
			if _, ok := annotations[prefix+name]; ok && name != "" {
				return prefix + name
			}
		}
	}
	return ""
}

// isCertManagers reports whether cert-manager gets the certificates of the Ingress
// and puts them into the Secrets of spec.tls, maybe only in a moment.
func isCertManagers(annotations map[string]string) bool {
	for _, key := range []string{"cert-manager.io/issuer", "cert-manager.io/cluster-issuer", "kubernetes.io/tls-acme"} {
		if _, ok := annotations[key]; ok {
			return true
		}
	}
	return false
}

// honour reads an annotation of a policy. One whose value asks for nothing does
// no more than to override others: templates write those.
func (a *asked) honour(table []annotation, key, name, value string, in *Claimant) {
	if asksForNothing(name, strings.TrimSpace(value)) {
		return
	}
	if row := findAnnotation(table, name); row != nil {
		row.apply(a, key, value, in)
		return
	}
	in.problem(gatelodge.UnknownAnnotation, "annotation %s is not honoured", key)
}

func (a *asked) honourRecord(table []annotation, key, name, value string, in *Claimant) {
	if row := findAnnotation(table, name); row != nil {
		row.apply(a, key, value, in)
	}
}

func findAnnotation(table []annotation, name string) *annotation {
	if i := slices.IndexFunc(table, func(row annotation) bool { return row.name == name }); i >= 0 {
		return &table[i]
	}
	return nil
}

func (row *annotation) apply(a *asked, key, value string, in *Claimant) {
	err := row.set(a, strings.TrimSpace(value))
	switch {
	case err == nil:
		return
	case errors.Is(err, errNotYet):
		in.problem(gatelodge.BadAnnotation, "annotation %s: %.60q %v", key, value, err)
	default:
		in.problem(gatelodge.BadAnnotation, "annotation %s: %.60q %v, expected %s", key, value, err, row.expects)
	}
	if row.protects {
		a.deny("annotation " + key + " can't be kept")
	}
}

// deny makes the routes unavailable; the first reason stays.
func (a *asked) deny(why string) {
	if a.Unavailable == "" {
		a.Unavailable = why
	}
}

func setACME(a *asked, value string) error {
	on, err := parseBool(value)
	if err == nil {
		if a.ACME = ACMENo; on {
			a.ACME = ACMEYes
		}
	}
	return err
}

// setCanary takes what can't be read for a canary too: it must not get all requests.
func setCanary(a *asked, value string) error {
	on, err := parseBool(value)
	a.canary = on || err != nil
	return err
}

func notYet(*asked, string) error { return errNotYet }

func setSSLRedirect(a *asked, value string) error {
	on, err := parseBool(value)
	if err == nil && !on && a.Redirect != gatelodge.RedirectAlways {
		a.Redirect = gatelodge.RedirectNever
	}
	return err
}

// setForceSSLRedirect: who forces means it, whatever ssl-redirect says.
func setForceSSLRedirect(a *asked, value string) error {
	on, err := parseBool(value)
	if err == nil && on {
		a.Redirect = gatelodge.RedirectAlways
	}
	return err
}

// setHSTS: ingress-nginx has hsts for a whole gateway only, in its ConfigMap.
func setHSTS(a *asked, value string) error {
	if value == "off" {
		value = ""
	} else if err := gatelodge.CheckHSTS(value); err != nil {
		return err
	}
	a.HSTS = &value
	return nil
}

func setBackendProtocol(a *asked, value string) error {
	switch strings.ToUpper(value) {
	case "HTTP", "AUTO_HTTP":
		a.protocol = gatelodge.BackendHTTP
	case "GRPC", "H2C":
		a.protocol = gatelodge.BackendH2C
	case "HTTPS":
		a.protocol = gatelodge.BackendHTTPS
	case "GRPCS":
		a.protocol = gatelodge.BackendH2
	case "FCGI":
		return errNotYet
	default:
		return errors.New("is not a backend protocol")
	}
	return nil
}

// checkBool is for what changes nothing here.
func checkBool(_ *asked, value string) error {
	_, err := parseBool(value)
	return err
}

func parseBool(value string) (bool, error) {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, errors.New("is neither true nor false")
	}
	return on, nil
}

func checkPrintable(value string) error {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("holds the control character %q", c)
		}
	}
	return nil
}

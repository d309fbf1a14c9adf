package annotations

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// externalAuthAsk is what the annotations auth-… about a service ask for, or the
// global-auth-… ones of a class.
type externalAuthAsk struct {
	url       *syntax.AuthURL // nil: no service is to be asked
	method    string
	signIn    string
	parameter string             // of signIn, that gets the URL the client asked for
	redirect  gatelodge.Template // X-Auth-Request-Redirect
	fields    []string           // from the answer into the request
	configMap string             // with fields for the question; "": none
	always    bool
	cacheKey  gatelodge.Template
	cacheFor  []gatelodge.AuthCacheRule
}

// AuthService is the service of an auth-url.
type AuthService struct {
	Name      string // of a Service, or of a host or address where External
	Namespace string // of the Service
	External  bool
	Port      uint16
	Secure    bool
	// ByClass: the operator chose it, so that what is refused to the authors of
	// Ingresses is not refused here.
	ByClass bool
}

// Bounds of what is asked for.
const (
	maxResponseFields = 64
)

const (
	authURLExpects = "a URL such as http://SERVICE.NAMESPACE.svc.cluster.local/verify, https://auth.example.com/verify or https://$host/verify"
	cacheExpects   = "statuses and a time, such as 200 202 5m, separated by commas"
)

func externalAuthRows() []row {
	return append(askRows("", func(a *Asked) *externalAuthAsk { return &a.externalAuth }),
		row{"auth-proxy-set-headers", "a ConfigMap of the same namespace", setAuthProxySetHeaders, true,
			"The keys of the ConfigMap are fields that the server gets, and may hold variables.", "A ConfigMap of another namespace is never read."},
		row{"enable-global-auth", `"true" or "false"`, setEnableGlobalAuth, false,
			"`false`: the `global-auth-url` of the class is not asked; by default it is, unless the Ingress has an `auth-url`.", ""},
		row{"satisfy", `"any" or "all"`, setSatisfy, true,
			"`any`: it is enough that the address is in `allowlist-source-range`, or that the password is right, or that the server says yes. By default all of what is asked for is needed.", ""},
	)
}

func classAuthRows() []row {
	return append(askRows(globalPrefix, func(a *Asked) *externalAuthAsk { return &a.globalAuth }),
		row{"no-auth-locations", "paths separated by commas", setNoAuthLocations, false,
			"At the paths of Ingresses that begin so, neither passwords nor servers are asked for. `/.well-known/acme-challenge` is always such a path.", ""},
	)
}

// askRows are those about a service, under a prefix.
func askRows(prefix string, of func(a *Asked) *externalAuthAsk) []row {
	var rows []row
	add := func(name, expects string, set func(ask *externalAuthAsk, value string) error, protects bool, means, differs string) {
		if prefix != "" {
			means, differs = "What `"+name+"` says, for the Ingresses of the class that have no `auth-url` of their own.", ""
		}
		rows = append(rows, row{prefix + name, expects, func(a *Asked, value string) error { return set(of(a), value) }, protects, means, differs})
	}
	add("auth-url", authURLExpects, setAuthURL, true,
		"Another server is asked whether a request may pass: 2xx lets it pass, 401 and 403 are passed on, and everything else is 500 ([authentication.md](authentication.md)).",
		"The host may be `$host` alone or no variable, and `$host` leads to the route of that host, not out of the gateway. Path and host in the question are in the form that the route was found by. A client's own X-Original-URI, X-Scheme and other fields about the question don't reach the server.")
	add("auth-method", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or TRACE", setAuthMethod, true,
		"The method of the question, by default GET.", "")
	add("auth-signin", "a URL such as https://$host/oauth2/start, or a path", setAuthSignIn, false,
		"Where a client is redirected (302) in place of a 401, with the URL that it asked for in the parameter `rd`.", "")
	add("auth-signin-redirect-param", "the name of a parameter, such as rd", setAuthSignInParameter, false,
		"Another name for that parameter.", "")
	add("auth-response-headers", "names of fields separated by commas", setAuthResponseFields, true,
		"Fields of the server's answer that the backend gets. What the client sends in fields of these names never reaches the backend.", "")
	add("auth-request-redirect", "a URL such as $scheme://$http_host$request_uri", setAuthRequestRedirect, false,
		"The `X-Auth-Request-Redirect` that the server gets, by default path and query of the request.", "")
	add("auth-always-set-cookie", `"true" or "false"`, setAuthAlwaysSetCookie, false,
		"The server's cookies are set in every response; by default in those of status 200, 201, 204, 206, 301 to 304, 307 and 308.", "")
	add("auth-cache-key", "text with variables, such as $remote_user$http_authorization", setAuthCacheKey, false,
		"Keep the server's answers, and use them for requests to the same route for which this text is the same.",
		"What an answer varies with (Vary) is not looked at: such an answer is not kept.")
	add("auth-cache-duration", cacheExpects, setAuthCacheDuration, true,
		"For how long, by status; by default `200 202 401 5m`. What the answer says itself in Cache-Control or Expires goes before, and one that sets a cookie is not kept.", "")
	return rows
}

// isOfClass reports whether an annotation is a default of a class alone: the word of
// operators, which no Ingress has.
func isOfClass(name string) bool {
	return strings.HasPrefix(name, globalPrefix+"auth-") || name == "no-auth-locations"
}

// globalPrefix stands before the names of what a class has for all who don't say
// otherwise.
const globalPrefix = "global-"

func setAuthURL(ask *externalAuthAsk, value string) (err error) {
	ask.url, err = syntax.ReadAuthURL(value)
	return err
}

func setAuthMethod(ask *externalAuthAsk, value string) error {
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}, value) {
		return errors.New("is not a method that a service can be asked by")
	}
	ask.method = value
	return nil
}

// setAuthSignIn checks the URL alone; the parameter that it is completed with may
// be read later.
func setAuthSignIn(ask *externalAuthAsk, value string) error {
	_, err := syntax.ReadSignIn(value, defaultSignInParameter)
	if err == nil {
		ask.signIn = value
	}
	return err
}

const defaultSignInParameter = "rd"

func setAuthSignInParameter(ask *externalAuthAsk, value string) error {
	if strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") != "" {
		return errors.New("is not the name of a parameter")
	}
	ask.parameter = value
	return nil
}

func setAuthResponseFields(ask *externalAuthAsk, value string) error {
	var fields []string
	for item := range strings.SplitSeq(value, ",") {
		name := strings.ToLower(strings.TrimSpace(item))
		if name == "" || slices.Contains(fields, name) {
			continue
		}
		edit := gatelodge.FieldEdits{Request: []gatelodge.FieldEdit{{Name: name}}}
		if err := edit.Check(); err != nil {
			return fmt.Errorf("holds %.60q, which is not a field that can be copied into a request", item)
		}
		fields = append(fields, name)
	}
	if len(fields) > maxResponseFields {
		return fmt.Errorf("has %d fields, the most is %d", len(fields), maxResponseFields)
	}
	ask.fields = fields
	return nil
}

func setAuthRequestRedirect(ask *externalAuthAsk, value string) (err error) {
	if err = syntax.CheckPrintable(value); err == nil {
		ask.redirect, err = gatelodge.ParseTemplate(value)
	}
	return err
}

func setAuthCacheKey(ask *externalAuthAsk, value string) (err error) {
	ask.cacheKey, err = gatelodge.ParseTemplate(strings.Trim(value, "'")) // as ingress-nginx's documentation quotes it
	return err
}

// setAuthCacheDuration reads what nginx's proxy_cache_valid takes.
func setAuthCacheDuration(ask *externalAuthAsk, value string) error {
	rules, err := syntax.ReadCacheTimes(value)
	if err == nil {
		ask.cacheFor = rules
	}
	return err
}

func setAuthProxySetHeaders(a *Asked, value string) (err error) {
	a.externalAuth.configMap, err = ownConfigMap(a, value)
	return err
}

// ownConfigMap reads the name of a ConfigMap, perhaps with the namespace, which has to
// be that of the Ingress.
func ownConfigMap(a *Asked, value string) (name string, err error) {
	namespace, name, qualified := strings.Cut(value, "/")
	if !qualified {
		namespace, name = a.namespace, value
	}
	if name == "" || namespace != a.namespace {
		return "", errors.New("names no ConfigMap that the Ingress may use")
	}
	return name, nil
}

func setAuthAlwaysSetCookie(ask *externalAuthAsk, value string) (err error) {
	ask.always, err = syntax.ParseBool(value)
	return err
}

func setEnableGlobalAuth(a *Asked, value string) error {
	on, err := syntax.ParseBool(value)
	a.noGlobalAuth = err == nil && !on
	return err
}

func setNoAuthLocations(a *Asked, value string) error {
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		} else if !strings.HasPrefix(item, "/") {
			return fmt.Errorf("holds %.60q, which is not a path", item)
		} else {
			a.NoAuth = append(a.NoAuth, item)
		}
	}
	return nil
}

func setSatisfy(a *Asked, value string) error {
	switch value {
	case "any", "all":
		a.SatisfyAny = value == "any"
		return nil
	}
	return errors.New("is neither any nor all")
}

// chosenAuth returns what is asked for of a service: by the Ingress, or else by its
// class for all that don't say otherwise; nil for nothing.
func (a *Asked) chosenAuth() *externalAuthAsk {
	switch {
	case a.externalAuth.url != nil:
		return &a.externalAuth
	case a.globalAuth.url != nil && !a.noGlobalAuth:
		return &a.globalAuth
	}
	return nil
}

// ExternalAuth returns what is asked for of a service, nil for nothing, without the
// Backend and the fields of the ConfigMap.
func (a *Asked) ExternalAuth() *gatelodge.ExternalAuth {
	ask := a.chosenAuth()
	if ask == nil {
		return nil
	}
	auth := &gatelodge.ExternalAuth{
		Secure: ask.url.Secure, Host: ask.url.HostField(), Target: ask.url.Target, Method: ask.method,
		RequestRedirect: ask.redirect, ResponseFields: ask.fields, AlwaysCookie: ask.always, CacheKey: ask.cacheKey,
	}
	if ask == &a.externalAuth {
		auth.SetFields = a.Snippets.Auth
	}
	if service, ok := a.AuthService(); ok && service.External && (service.Port == 80 || service.Port == 443) {
		auth.OwnHost = gatelodge.Name(service.Name)
	}
	if ask.signIn != "" {
		parameter := ask.parameter
		if parameter == "" {
			parameter = defaultSignInParameter
		}
		auth.SignIn, _ = syntax.ReadSignIn(ask.signIn, parameter) // setAuthSignIn has seen to the error
	}
	if auth.CacheKey != nil {
		if auth.CacheFor = ask.cacheFor; auth.CacheFor == nil {
			auth.CacheFor = []gatelodge.AuthCacheRule{{Statuses: []uint16{200, 202, 401}, For: 5 * time.Minute}}
		}
	}
	return auth
}

// AuthConfigMap is the ConfigMap of the Ingress's namespace that has fields for the
// service, "" for none.
func (a *Asked) AuthConfigMap() string {
	if ask := a.chosenAuth(); ask != nil {
		return ask.configMap
	}
	return ""
}

// AuthService returns the service that is to be asked, and false where there is none,
// or where it is a route of the request's own host.
func (a *Asked) AuthService() (AuthService, bool) {
	ask := a.chosenAuth()
	if ask == nil || ask.url.OwnHost {
		return AuthService{}, false
	}
	return serviceOf(ask.url, ask == &a.globalAuth || a.authURLByClass), true
}

// serviceOf tells the DNS name that a Service has in the cluster from others.
func serviceOf(u *syntax.AuthURL, byClass bool) AuthService {
	service := AuthService{Name: u.Host, External: true, Port: u.Port, Secure: u.Secure, ByClass: byClass}
	labels := strings.Split(strings.TrimSuffix(u.Host, ".cluster.local"), ".")
	if _, err := netip.ParseAddr(u.Host); err != nil && len(labels) == 3 && labels[2] == "svc" {
		service.Name, service.Namespace, service.External = labels[0], labels[1], false
	}
	return service
}

// AuthServiceOf returns the service that an Ingress names in auth-url, for those who
// have its annotations alone.
func AuthServiceOf(annotations map[string]string) (AuthService, bool) {
	return readAuthService(annotations[decisive(annotations, "auth-url")], false)
}

// AuthServicesOfClass returns the services that the ConfigMap of a class names.
func AuthServicesOfClass(values map[string]string) (services []AuthService) {
	for _, key := range []string{"auth-url", OwnPrefix + "auth-url", globalPrefix + "auth-url", OwnPrefix + globalPrefix + "auth-url"} {
		if service, ok := readAuthService(values[key], true); ok {
			services = append(services, service)
		}
	}
	return services
}

func readAuthService(text string, byClass bool) (AuthService, bool) {
	if text = strings.TrimSpace(text); text == "" {
		return AuthService{}, false
	}
	u, err := syntax.ReadAuthURL(text)
	if err != nil || u.OwnHost {
		return AuthService{}, false
	}
	return serviceOf(u, byClass), true
}

// Host is the name that the URL has for the service, or its address.
func (s AuthService) Host() string {
	if s.External {
		return s.Name
	}
	return s.Name + "." + s.Namespace + ".svc"
}

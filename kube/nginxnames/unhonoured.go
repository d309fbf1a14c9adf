package nginxnames

import "sync"

// Unhonoured is an annotation of ingress-nginx that is not honoured. Its author gets
// an Event with why, and with what to do instead.
type Unhonoured struct {
	Name     string
	Refused  bool   // something is lost; otherwise it has no meaning here
	Protects bool   // the routes answer 503 rather than serve without it
	Why      string // follows "has no meaning here:" or "is refused:"
	Instead  string // a sentence that begins in lower case; "" where nothing is to be done
}

// String follows "annotation NAME".
func (u *Unhonoured) String() string {
	text := "has no meaning here: " + u.Why
	if u.Refused {
		text = "is refused: " + u.Why
	}
	if u.Instead != "" {
		text += "; " + u.Instead
	}
	return text
}

// UnhonouredByName has the entries of AllUnhonoured by their names.
var UnhonouredByName = sync.OnceValue(func() map[string]*Unhonoured {
	list := AllUnhonoured()
	named := make(map[string]*Unhonoured, len(list))
	for i := range list {
		named[list[i].Name] = &list[i]
	}
	return named
})

// Reasons that several annotations share.
const (
	whyFastCGI   = "FastCGI is not spoken"
	whyWAF       = "the gateway is no web application firewall"
	whyKeepalive = "idle connections to every server are kept and used again"
	whyRemoved   = "ingress-nginx 1.15 no longer has it either"
	removeIt     = "remove it"
	putServer    = "put a web server that speaks HTTP before the application"
	putWAF       = "put one between the gateway and the backend, or before the gateway"
)

// AllUnhonoured lists each annotation of ingress-nginx that no row of package
// annotations honours, those that it had in older versions included. One that becomes
// a row leaves it.
func AllUnhonoured() []Unhonoured {
	return []Unhonoured{
		// Without a meaning here.
		{"auth-keepalive", false, false, whyKeepalive, ""},
		{"auth-keepalive-requests", false, false, whyKeepalive, ""},
		{"auth-keepalive-share-vars", false, false, "a request to ask for permission shares no variables with the one that waits for it", ""},
		{"auth-keepalive-timeout", false, false, whyKeepalive, ""},
		{"connection-proxy-header", false, false, "connections to backends are the gateway's own: they are kept, and upgrades pass", ""},
		{"enable-rewrite-log", false, false, "the access log and gatelodge check say which route a path leads to", ""},
		{"http2-push-preload", false, false, "browsers no longer take pushed answers", ""},
		{"proxy-ssl-ciphers", false, false, "connections to backends use TLS 1.2 or 1.3 with the cipher suites of Go's crypto/tls, all with forward secrecy", ""},
		{"proxy-ssl-protocols", false, false, "connections to backends use TLS 1.2 or 1.3, the newest that the backend has", ""},
		{"proxy-ssl-verify-depth", false, false, "a backend's chain is followed to a CA in proxy-ssl-secret, however long it is", ""},
		{"ssl-ciphers", false, false, "clients get the cipher suites of Go's crypto/tls, all with forward secrecy", "set tls.minVersion of the configuration for the oldest version"},
		{"ssl-prefer-server-ciphers", false, false, "the gateway always chooses the cipher suite, by what is fast on both sides", ""},
		{"use-port-in-redirects", false, false, "redirects name the port that users see wherever it is not the scheme's own", "set publicPort of the listener in the configuration"},

		// Refused.
		{"enable-modsecurity", true, false, whyWAF + ", and without SecRuleEngine On ModSecurity only writes a log", putWAF + ", and " + removeIt},
		{"enable-owasp-core-rules", true, false, whyWAF, putWAF + ", and " + removeIt},
		{"modsecurity-snippet", true, false, whyWAF, putWAF + ", and " + removeIt + "; until then the routes answer 503 if its rules may refuse requests, as SecRuleEngine On does"},
		{"modsecurity-transaction-id", true, false, whyWAF, removeIt},
		{"fastcgi-index", true, false, whyFastCGI, putServer},
		{"fastcgi-params-configmap", true, false, whyFastCGI, putServer},
		{"stream-snippet", true, false, "the gateway forwards HTTP only", "expose TCP and UDP by a Service of type LoadBalancer"},

		// Of older versions.
		{"enable-influxdb", false, false, whyRemoved, removeIt},
		{"enable-opentracing", false, false, whyRemoved, removeIt},
		{"global-rate-limit", true, false, whyRemoved, "write limit-rps or limit-rpm, which each replica counts for itself"},
		{"global-rate-limit-ignored-cidrs", false, false, whyRemoved, "write limit-allowlist"},
		{"global-rate-limit-key", false, false, whyRemoved, "write limit-rps or limit-rpm, which count by the client's address"},
		{"global-rate-limit-window", false, false, whyRemoved, "write limit-rps or limit-rpm"},
		{"grpc-backend", false, false, whyRemoved, "write backend-protocol: GRPC"},
		{"opentracing-trust-incoming-span", false, false, whyRemoved, removeIt},
		{"secure-backends", false, false, whyRemoved, "write backend-protocol: HTTPS"},
		{"session-cookie-hash", false, false, whyRemoved, removeIt},
	}
}

package nginxnames

import (
	"strings"
	"sync"
)

// invented has names below ingress-nginx's prefix that people write though
// ingress-nginx does not read them, by what to do instead. Most are keys of its
// ConfigMap, or come from other products and from guides that copy one another.
var invented = map[string]string{
	"write custom-headers":                                            "add-headers",
	"write proxy-body-size":                                           "body-size client-max-body-size max-body-size",
	"set trust.forwarded in the configuration":                        "compute-full-forwarded-for forwarded-for-header use-forwarded-headers",
	"write cors-allow-headers":                                        "cors-allow-header",
	"write cors-allow-methods":                                        "cors-allow-method",
	"write cors-allow-origin":                                         "cors-origin",
	"write default-backend":                                           "custom-default-backend error-pages-configmap",
	"the gateway is no web application firewall":                      "enable-owasp-modsecurity-crs",
	"write proxy-read-timeout":                                        "grpc-read-timeout proxy-timeout",
	"write proxy-send-timeout":                                        "grpc-send-timeout",
	`write gatelodge.dev/hsts: "max-age=31536000; includeSubDomains"`: "hsts hsts-include-subdomains hsts-max-age hsts-preload enable-hsts",
	"idle connections are kept and used again":                        "keepalive-timeout upstream-keepalive-connections upstream-keepalive-requests upstream-keepalive-timeout",
	"the status is 429":                                               "limit-conn-status-code limit-req-status-code limit-status-code",
	"write configuration-snippet":                                     "location-snippet location-snippets",
	"write proxy_set_header in a configuration-snippet":               "proxy-set-headers",
	"write limit-rps or limit-rpm":                                    "rate-limit rate-limit-requests-per-second rate-limit-rpm rate-limit-rps rate-limit-window limit-rps-interval",
	"write limit-burst-multiplier":                                    "rate-limit-burst rate-limit-burst-multiplier",
	"write limit-connections":                                         "rate-limit-connections",
	"write limit-allowlist":                                           "rate-limit-whitelist",
	"set tls.minVersion in the configuration":                         "ssl-protocols",
	"write gatelodge.dev/ejection-time":                               "upstream-fail-timeout",
	"write gatelodge.dev/ejection-failures":                           "upstream-max-fails",
	"WebSockets pass without it":                                      "websocket-services websocket-service enable-websocket",
}

// Instead says, by name, what to do instead of an annotation that people
// write below ingress-nginx's prefix and that ingress-nginx does not have.
var Instead = sync.OnceValue(func() map[string]string {
	instead := make(map[string]string)
	for what, names := range invented {
		for _, name := range strings.Fields(names) {
			instead[name] = what
		}
	}
	return instead
})

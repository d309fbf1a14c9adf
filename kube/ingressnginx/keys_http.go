package ingressnginx

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gatelodge.dev/kube/syntax"
)

// keys lists every key of the ConfigMap of ingress-nginx 1.15: the JSON names of
// internal/ingress/controller/config/config.go and internal/ingress/defaults, and
// those that internal/ingress/controller/template/configmap.go reads by itself.
func keys() []setting {
	return slices.Concat(clientKeys(), backendKeys(), fieldKeys(), accessKeys(), tlsKeys(), logKeys(), nginxKeys())
}

const removeIt = "leave it out"

// clientKeys are about connections and requests of clients.
func clientKeys() []setting {
	return slices.Concat([]setting{
		{name: "client-header-timeout", convert: seconds("timeouts.header")},
		{name: "client-body-timeout", convert: seconds("timeouts.body")},
		{name: "keep-alive", convert: seconds("timeouts.idle")},
		{name: "large-client-header-buffers", convert: headerBuffers},
		{name: "http2-max-concurrent-streams", convert: number("limits.streams", 1, 1<<20)},
		{name: "proxy-body-size", convert: bodySize},
		{name: "use-http2", convert: only("HTTP/2 is always offered beside HTTP/1.1", "true")},
		{name: "ssl-redirect", convert: func(t *translation, value string) error {
			on, err := parseBool(value)
			if err == nil {
				t.set("redirectHTTPS", strconv.FormatBool(on))
			}
			return err
		}},
		{name: "http-redirect-code", convert: only("redirects to HTTPS are answered with 308", "308")},
		{name: "no-tls-redirect-locations", convert: only("set ssl-redirect: \"false\" on an Ingress of these paths; those of ACME challenges are never redirected", "/.well-known/acme-challenge", "")},
		{name: "worker-shutdown-timeout", convert: func(t *translation, value string) error {
			if err := seconds("drain.timeout")(t, value); err != nil {
				return err
			}
			return seconds("drain.tunnels")(t, value)
		}},
		{name: "bind-address", convert: func(t *translation, value string) error {
			for item := range strings.SplitSeq(value, ",") {
				address, err := netip.ParseAddr(strings.TrimSpace(item))
				if err != nil {
					return errUntranslated("write IP addresses")
				}
				t.bind = append(t.bind, address)
			}
			return nil
		}},
		{name: "disable-ipv6", convert: only("name the IPv4 addresses to listen on in listeners[].address", "false")},
		{name: "limit-req-status-code", convert: only("requests beyond a limit are answered with 429", "429")},
		{name: "limit-conn-status-code", convert: only("requests beyond a limit are answered with 429", "429")},
		{name: "limit-conn-zone-variable", convert: only("clients are told apart by their address", "$binary_remote_addr", "$remote_addr")},
		{name: "strict-validate-path-type", needless: true, why: "paths are compared literally unless use-regex says otherwise, and a problem tells of one that looks like a pattern"},
	},
		needless("requests are read into buffers that grow up to limits.headerBytes", "client-header-buffer-size", "http2-max-field-size", "http2-max-header-size"),
		needless("a connection may carry any number of requests", "keep-alive-requests", "http2-max-requests"),
		defaults("app-root", "client-body-buffer-size", "custom-http-errors", "disable-proxy-intercept-errors", "force-ssl-redirect", "limit-rate",
			"limit-rate-after", "preserve-trailing-slash", "relative-redirects", "use-port-in-redirects"),
	)
}

// headerBuffers translates "4 8k": number and size of buffers.
func headerBuffers(t *translation, value string) error {
	count, size, found := strings.Cut(strings.TrimSpace(value), " ")
	n, err := strconv.Atoi(count)
	bytes, sizeErr := parseSize(strings.TrimSpace(size))
	if !found || err != nil || sizeErr != nil || n < 1 || int64(n)*bytes < 1024 || int64(n)*bytes > 16<<20 {
		return errUntranslated("write limits.headerBytes, from 1024 to 16777216")
	}
	t.set("limits.headerBytes", strconv.FormatInt(int64(n)*bytes, 10))
	return nil
}

func bodySize(t *translation, value string) error {
	bytes, err := parseSize(value)
	if err != nil {
		return errUntranslated("write limits.bodyBytes, a number of bytes")
	}
	t.set("limits.bodyBytes", strconv.FormatInt(bytes, 10))
	return nil
}

// backendKeys are about requests to backends.
func backendKeys() []setting {
	return slices.Concat([]setting{
		{name: "proxy-connect-timeout", convert: seconds("timeouts.connect")},
		{name: "proxy-read-timeout", convert: seconds("timeouts.read")},
		{name: "proxy-send-timeout", convert: seconds("timeouts.send")},
		{name: "proxy-next-upstream-tries", convert: func(t *translation, value string) error {
			if value == "0" {
				t.setDefault("proxy-next-upstream-tries", "0")
				return nil
			}
			return number("retries.attempts", 1, 100)(t, value)
		}},
		{name: "retry-non-idempotent", convert: func(t *translation, value string) error {
			on, err := parseBool(value)
			t.retryAll = on
			return err
		}},
		{name: "load-balance", convert: func(t *translation, value string) error {
			if value != "round_robin" && value != "ewma" && value != "" {
				return errUntranslated("write balancing.algorithm: round_robin, least_request or ewma")
			}
			if value != "" {
				t.set("balancing.algorithm", value)
			}
			return nil
		}},
		{name: "proxy-ssl-location-only", needless: true, why: "proxy-ssl-… annotations hold for the paths of their Ingress"},
	},
		needless("idle connections to endpoints are kept and used again, within bounds of the gateway", "upstream-keepalive-connections", "upstream-keepalive-time", "upstream-keepalive-timeout", "upstream-keepalive-requests"),
		needless("answers are passed on as they come", "grpc-buffer-size-kb"),
		defaults("proxy-buffer-size", "proxy-buffering", "proxy-buffers-number", "proxy-busy-buffers-size", "proxy-cookie-domain", "proxy-cookie-path",
			"proxy-http-version", "proxy-max-temp-file-size", "proxy-next-upstream", "proxy-next-upstream-timeout", "proxy-redirect-from", "proxy-redirect-to",
			"proxy-request-buffering", "service-upstream", "upstream-hash-by", "upstream-hash-by-subset", "upstream-hash-by-subset-size"),
	)
}

// fieldKeys are about fields of requests and answers, and trusted proxies.
func fieldKeys() []setting {
	trust := func(set func(*translation, bool)) func(*translation, string) error {
		return func(t *translation, value string) error {
			on, err := parseBool(value)
			if err == nil {
				set(t, on)
			}
			return err
		}
	}
	return slices.Concat([]setting{
		{name: "use-forwarded-headers", convert: trust(func(t *translation, on bool) { t.forwarded = t.forwarded || on })},
		{name: "enable-real-ip", convert: trust(func(t *translation, on bool) { t.forwarded = t.forwarded || on })},
		{name: "use-proxy-protocol", convert: trust(func(t *translation, on bool) { t.proxyProtocol = on })},
		{name: "proxy-real-ip-cidr", convert: func(t *translation, value string) error {
			var networks []string
			for item := range strings.SplitSeq(value, ",") {
				item = strings.TrimSpace(item)
				if _, err := netip.ParsePrefix(item); err != nil {
					if _, err := netip.ParseAddr(item); err != nil {
						return errUntranslated("write networks and addresses")
					}
				}
				networks = append(networks, item)
			}
			t.believed = networks
			return nil
		}},
		{name: "forwarded-for-header", convert: only("X-Forwarded-For is read, and Forwarded where there is none; let the proxy before the gateway write one of these", "X-Forwarded-For")},
		{name: "forwarded-host-header", convert: only("X-Forwarded-Host is read; let the proxy before the gateway write it", "X-Forwarded-Host")},
		{name: "server-tokens", convert: func(t *translation, value string) error {
			on, err := parseBool(value)
			if on {
				t.set("serverName", "nginx")
			}
			return err
		}},
		{name: "allow-backend-server-header", needless: true, why: "the Server field of a backend is always passed on"},
	},
		needless("X-Forwarded-For always has the peers that were believed", "compute-full-forwarded-for", "forwarded-for-proxy-protocol-header"),
		needless("every request gets an X-Request-Id, unless a peer in trust.forwarded has sent one", "generate-request-id"),
		needless("requests with malformed field names are refused, and names with underscores go no further", "ignore-invalid-headers"),
		needless("the backend says what an answer is", "default-type"),
		missing(`write more_set_headers "NAME: VALUE"; for each`+bySnippet("configuration-snippet"), "add-headers"),
		missing("write the annotation custom-headers on the Ingresses that need it", "global-allowed-response-headers"),
		missing("write proxy_hide_header NAME; for each"+bySnippet("configuration-snippet"), "hide-headers"),
		missing("write proxy_set_header NAME VALUE; for each"+bySnippet("configuration-snippet"), "proxy-set-headers"),
		missing("write proxy_set_header X-Original-Uri $request_uri;"+bySnippet("configuration-snippet"), "proxy-add-original-uri-header"),
		missing("fields with underscores in their names are dropped, because many backends take them for others; rename them", "enable-underscores-in-headers"),
		compressionKeys(),
		tracingKeys(),
	)
}

// bySnippet contains the annotation that replaces a directive for all Ingresses of a
// class.
func bySnippet(annotation string) string {
	return " into " + annotation + " in the defaults of the class, and allow it by ingress.snippets: parsed"
}

// accessKeys are about access control.
func accessKeys() []setting {
	list := slices.Concat([]setting{
		{name: "block-cidrs", convert: func(t *translation, value string) error {
			if value != "" {
				t.deny = append(t.deny, strings.Split(value, ",")...)
			}
			return nil
		}},
		{name: "denylist-source-range", convert: func(t *translation, value string) error {
			if value != "" {
				t.deny = append(t.deny, strings.Split(value, ",")...)
			}
			return nil
		}},
		{name: "whitelist-source-range", convert: asDefault("allowlist-source-range")},
		{name: "no-auth-locations", convert: asDefault("no-auth-locations")},
		{name: "allow-cross-namespace-resources", convert: only("Secrets and ConfigMaps are read from the namespace of the Ingress only: copy them there", "false")},
		{name: "location-snippet", convert: asDefault("configuration-snippet")},
		{name: "server-snippet", convert: asDefault("server-snippet")},
		{name: "allow-snippet-annotations", convert: allowSnippets},
		{name: "modsecurity-snippet", convert: modSecurityRules},
	},
		needless("values of annotations are parsed and never become text of a configuration", "annotations-risk-level", "annotation-value-word-blocklist"),
		missing(putFirewall, "enable-modsecurity", "enable-owasp-modsecurity-crs"),
		missing("write if ($http_user_agent ~* EXPRESSION) { return 403; }"+bySnippet("server-snippet"), "block-user-agents"),
		missing("write if ($http_referer ~* EXPRESSION) { return 403; }"+bySnippet("server-snippet"), "block-referers"),
		missing("the text of an nginx configuration is not read; write what it does as annotations", "main-snippet", "http-snippet", "global-auth-snippet"),
		missing("the fields are of a ConfigMap in the namespace of each Ingress; write auth-url and auth-proxy-set-headers on those that need them", "global-auth-proxy-set-headers"),
	)
	for _, name := range []string{"always-set-cookie", "cache-duration", "cache-key", "method", "request-redirect", "response-headers", "signin", "signin-redirect-param", "url"} {
		list = append(list, setting{name: "global-auth-" + name, convert: asDefault("global-auth-" + name)})
	}
	return list
}

const putFirewall = "put a web application firewall between the gateway and the backends, or before the gateway"

// modSecurityRules turns rules that refuse requests into a default of the class, by
// which its routes answer 503 until the operator has another firewall. Without
// enable-modsecurity in the ConfigMap ingress-nginx ignores the rules, even for
// Ingresses that enable it.
func modSecurityRules(t *translation, value string) error {
	data, _ := t.in.data(t.in.configMap)
	if on, _ := strconv.ParseBool(data["enable-modsecurity"]); !on {
		t.comment("ingress-nginx does not use it without enable-modsecurity in the ConfigMap")
		return nil
	}
	by := syntax.BlocksByModSecurity(value)
	if by == "" {
		return errUntranslated(putFirewall)
	}
	t.setDefault("modsecurity-snippet", value)
	return errUntranslated(fmt.Sprintf("with %.100q every Ingress is protected, or may be, and loses that: its routes answer 503 unless it has enable-modsecurity: \"false\"; %s, and then leave modsecurity-snippet out of the defaults of the class", by, putFirewall))
}

// allowSnippets translates the key: snippets are parsed into policies, and what can't
// be parsed is a problem.
func allowSnippets(t *translation, value string) error {
	on, err := parseBool(value)
	if on {
		t.set("ingress.snippets", "parsed")
	}
	return err
}

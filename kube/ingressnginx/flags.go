package ingressnginx

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

func isLabel(name string) bool     { return len(validation.IsDNS1123Label(name)) == 0 }
func isSubdomain(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }

// concealed lists the settings whose values are secret.
func concealed() []string { return []string{"ssl-session-ticket-key", "--maxmind-license-key"} }

// flags lists every flag of the controller of ingress-nginx 1.15, by
// pkg/flags/flags.go and k8s.io/klog.
func flags() []setting {
	objectName := func(key string) func(*translation, string) error {
		return func(t *translation, value string) error {
			if namespace, name, found := strings.Cut(value, "/"); !found || !isLabel(namespace) || !isSubdomain(name) {
				return errUntranslated("write " + key + " as NAMESPACE/NAME")
			}
			t.set(key, list([]string{value}))
			return nil
		}
	}
	port := func(port func(*translation) *uint16) func(*translation, string) error {
		return func(t *translation, value string) error {
			n, err := strconv.ParseUint(value, 10, 16)
			if err != nil || n == 0 {
				return errUntranslated("write listeners with a port from 1 to 65535")
			}
			*port(t) = uint16(n)
			return nil
		}
	}
	return slices.Concat([]setting{
		{name: "controller-class", convert: func(t *translation, value string) error {
			if domain, path, found := strings.Cut(value, "/"); !found || path == "" || len(value) > 250 || !isSubdomain(domain) {
				return errUntranslated("write ingress.controller as DOMAIN/PATH, or the names of classes into ingress.classes")
			}
			t.controller = value
			return nil
		}},
		{name: "ingress-class", convert: func(t *translation, value string) error {
			if !isSubdomain(value) {
				return errUntranslated("write the names of classes into ingress.classes")
			}
			t.className = value
			return nil
		}},
		{name: "ingress-class-by-name", convert: func(t *translation, value string) (err error) { t.byName, err = parseBool(value); return err }},
		{name: "watch-ingress-without-class", convert: func(t *translation, value string) error {
			on, err := parseBool(value)
			if on {
				t.set("ingress.withoutClass", "true")
			}
			return err
		}},
		{name: "watch-namespace", convert: func(t *translation, value string) error {
			if !isLabel(value) {
				return errUntranslated("write the names of namespaces into ingress.namespaces")
			}
			t.set("ingress.namespaces", list([]string{value}))
			return nil
		}},
		{name: "watch-namespace-selector", convert: selectNamespaces},
		{name: "default-ssl-certificate", convert: objectName("tls.defaultCertificates")},
		{name: "default-backend-service", convert: defaultBackend},
		{name: "disable-svc-external-name", convert: func(t *translation, value string) error {
			on, err := parseBool(value)
			if on {
				t.set("ingress.externalNames", "refuse")
			}
			return err
		}},
		{name: "http-port", convert: port(func(t *translation) *uint16 { return &t.httpPort })},
		{name: "https-port", convert: port(func(t *translation) *uint16 { return &t.httpsPort })},
		{name: "configmap", needless: true, why: "its keys are listed by themselves"},
		{name: "tcp-services-configmap", convert: func(t *translation, value string) error { return t.services("TCP", value) }},
		{name: "udp-services-configmap", convert: func(t *translation, value string) error { return t.services("UDP", value) }},
		{name: "enable-ssl-passthrough", convert: func(t *translation, value string) error {
			on, err := parseBool(value)
			if err != nil || !on {
				return err
			}
			return passthrough(t)
		}},
		{name: "annotations-prefix", convert: only("annotations are read with the prefixes gatelodge.dev and nginx.ingress.kubernetes.io only: rename them", "nginx.ingress.kubernetes.io")},
		{name: "disable-catch-all", convert: only("Ingresses without a host are served; let an admission policy refuse them", "false")},
		{name: "shutdown-grace-period", convert: func(t *translation, value string) error {
			if value == "0" {
				return nil
			}
			return seconds("drain.delay")(t, value)
		}},
		{name: "publish-service", needless: true, why: "the gateway publishes the address of its own Service, views[].service"},
		{name: "publish-status-address", why: "write the addresses of the new gateway into views[].addresses, if its Service has none"},
		{name: "report-node-internal-ip-address", why: "the addresses of nodes are not published; write them into views[].addresses"},
		{name: "update-status", convert: only("the gateway writes the status of its Ingresses once its Service or views[].addresses has an address", "true")},
		{name: "enable-topology-aware-routing", needless: true, why: "hints for zones in EndpointSlices are heeded where the gateway knows its zone, POD_ZONE"},
		{name: "enable-ssl-chain-completion", convert: only("a missing intermediate certificate is a problem that names it: append it to tls.crt", "false")},
	},
		needless("the chart of the gateway says it", "apiserver-host", "certificate-authority", "kubeconfig", "election-id", "election-ttl", "disable-leader-election", "update-status-on-shutdown",
			"status-update-interval", "post-shutdown-grace-period", "health-check-path", "health-check-timeout", "healthz-host", "healthz-port", "version"),
		needless("there is no nginx to configure, reload or ask", "default-server-port", "dynamic-configuration-retries", "internal-logger-address", "profiler-address", "profiler-port", "profiling",
			"ssl-passthrough-proxy-port", "status-port", "stream-port", "sync-period", "sync-rate-limit", "deep-inspect", "enable-annotation-validation"),
		needless("what is wrong with an Ingress is an Event of it", "disable-full-test", "disable-sync-events", "validating-webhook", "validating-webhook-certificate", "validating-webhook-key"),
		needless("metrics have names and labels of their own, on the admin endpoint", "bucket-factor", "enable-metrics", "exclude-socket-metrics", "length-buckets", "max-buckets", "metrics-per-host",
			"metrics-per-undefined-host", "monitor-max-batch-size", "report-status-classes", "size-buckets", "time-buckets"),
		needless("nothing is known of where addresses are", "maxmind-edition-ids", "maxmind-license-key", "maxmind-mirror", "maxmind-retries-count", "maxmind-retries-timeout"),
		needless("the log's level is the flag --log-level", "add_dir_header", "alsologtostderr", "log_backtrace_at", "log_dir", "log_file", "log_file_max_size", "logtostderr", "one_output",
			"skip_headers", "skip_log_headers", "stderrthreshold", "v", "vmodule"),
	)
}

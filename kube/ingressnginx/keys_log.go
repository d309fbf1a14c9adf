package ingressnginx

import "slices"

// logKeys are about logs.
func logKeys() []setting {
	off := func(t *translation, value string) error {
		on, err := parseBool(value)
		if on {
			t.set("accessLog.enabled", "false")
		}
		return err
	}
	const toOutput = "the access log goes to standard output, all else to standard error"
	return slices.Concat([]setting{
		{name: "disable-access-log", convert: off},
		{name: "disable-http-access-log", convert: off},
	},
		needless(toOutput, "access-log-path", "access-log-params", "http-access-log-path", "stream-access-log-path", "disable-stream-access-log", "error-log-path"),
		needless("the log's level is the flag --log-level", "error-log-level", "debug-connections"),
		needless("requests that no rule matches are logged like all others", "enable-access-log-for-default-backend", "enable-auth-access-log"),
		missing("a line is JSON with fixed keys, such as client, host, path and status; change what reads the log", "log-format-upstream", "log-format-escape-json", "log-format-escape-none"),
		needless("there are no TCP and UDP services", "log-format-stream"),
		missing("write enable-access-log: \"false\" on an Ingress of these paths", "skip-access-log-urls"),
		missing("logs go to standard output; let the cluster's log agent send them on", "enable-syslog", "syslog-host", "syslog-port"),
		missing("nothing is known of where addresses are", "use-geoip", "use-geoip2", "geoip2-autoreload-in-minutes"),
	)
}

// nginxKeys tune nginx itself.
func nginxKeys() []setting {
	return slices.Concat(
		needless("there are no worker processes; one process uses all processors", "worker-processes", "worker-cpu-affinity", "max-worker-connections", "max-worker-open-files",
			"reuse-port", "enable-multi-accept", "enable-serial-reloads", "enable-aio-write"),
		needless("nothing has a size that must be set", "map-hash-bucket-size", "server-name-hash-max-size", "server-name-hash-bucket-size", "proxy-headers-hash-max-size",
			"proxy-headers-hash-bucket-size", "variables-hash-bucket-size", "variables-hash-max-size", "lua-shared-dicts", "ssl-buffer-size"),
		needless("names of backends are looked up as the system does", "disable-ipv6-dns"),
		needless("the admin endpoint has an address of its own", "nginx-status-ipv4-whitelist", "nginx-status-ipv6-whitelist"),
		needless("the header of the PROXY protocol is waited for as timeouts.header says", "proxy-protocol-header-timeout"),
		needless("there are no TCP and UDP services", "proxy-stream-timeout", "proxy-stream-next-upstream", "proxy-stream-next-upstream-timeout", "proxy-stream-next-upstream-tries", "proxy-stream-responses"),
		missing("expose TCP and UDP by a Service of type LoadBalancer", "stream-snippet"),
		missing("ingress-nginx 1.15 no longer has it either; "+removeIt, "plugins", "enable-opentracing", "global-rate-limit-memcached-host"),
	)
}

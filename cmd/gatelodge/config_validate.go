package main

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// validate converts a fileConfig and records its errors. The result is valid only
// if there are none.
func (r *configReader) validate(f *fileConfig) *config {
	r.oneOf("apiVersion", f.APIVersion, "gatelodge.dev/v1alpha1")
	r.oneOf("kind", f.Kind, "GatewayConfig")
	r.label("name", f.Name)

	c := &config{
		Name:             f.Name,
		AdminHosts:       r.each("admin.hosts", f.Admin.Hosts, r.subdomain),
		State:            f.State,
		Doctor:           r.doctor("dns.doctor", f.DNS.Doctor),
		Listeners:        r.listeners(f.Listeners, f.Views),
		defaultListeners: !r.isWritten("listeners"),
	}
	c.Kube = objects.Config{
		Controller:          r.controller("ingress.controller", f.Ingress.Controller),
		Classes:             r.each("ingress.classes", f.Ingress.Classes, r.subdomain),
		Selector:            r.selector("ingress.selector", f.Ingress.Selector),
		WithoutClass:        f.Ingress.WithoutClass,
		Namespaces:          r.each("ingress.namespaces", f.Ingress.Namespaces, r.label),
		HostSharing:         objects.ShareNamespace,
		Defaults:            r.defaults("ingress.defaults", f.Ingress.Defaults, f.Views),
		DefaultBackend:      r.servicePort("ingress.defaultBackend", f.Ingress.DefaultBackend),
		RefuseExternalNames: r.oneOf("ingress.externalNames", f.Ingress.ExternalNames, "allow", "refuse") == "refuse",
		Snippets:            r.oneOf("ingress.snippets", f.Ingress.Snippets, "off", "parsed") == "parsed",
		Listeners:           c.Listeners,
		Settings:            r.settings(f),
		Views:               r.views(f.Views),
		Zones:               r.zones(f.DNS.Zones, f.Views),
		DNSService:          r.namespaced("dns.service", f.DNS.Service),
		DNSAddresses:        r.addresses("dns.addresses", f.DNS.Addresses),
		DefaultCertificates: r.secrets("tls.defaultCertificates", f.TLS.DefaultCertificates),
		BadKeys:             r.secrets("tls.badKeys", f.TLS.BadKeys),
	}
	c.Kube.Catalog = r.catalog("dns.catalog", f.DNS.Catalog, f.Views, c.Kube.Zones)
	c.Kube.HealthCheck = r.healthCheck(f.HealthCheck)
	c.Kube.Compression = r.compression(&f.Compression)
	c.Kube.ACME = r.acme(f.ACME, c.Kube.Zones)
	c.Kube.Guard = objects.GuardConfig{
		Share:   within(r, "guard.share", f.Guard.Share, 0, 1),
		Minimum: within(r, "guard.minimum", f.Guard.Minimum, 0, 1<<30),
		Window:  r.duration("guard.window", f.Guard.Window, time.Second),
		Hold:    r.duration("guard.hold", f.Guard.Hold, 0),
	}
	c.Kube.Bounds = objects.Bounds{
		NamesPerIngress:   within(r, "ingress.bounds.namesPerIngress", f.Ingress.Bounds.NamesPerIngress, 0, 1<<30),
		RoutesPerIngress:  within(r, "ingress.bounds.routesPerIngress", f.Ingress.Bounds.RoutesPerIngress, 0, 1<<30),
		BytesPerNamespace: r.size("ingress.bounds.bytesPerNamespace", f.Ingress.Bounds.BytesPerNamespace),

		ChecksPerNamespace:    within(r, "ingress.bounds.checksPerNamespace", f.Ingress.Bounds.ChecksPerNamespace, 0, 1<<30),
		CheckRatePerNamespace: within(r, "ingress.bounds.checkRatePerNamespace", f.Ingress.Bounds.CheckRatePerNamespace, 0, 1<<20),
	}
	if r.oneOf("ingress.hostSharing", f.Ingress.HostSharing, "namespace", "any") == "any" {
		c.Kube.HostSharing = objects.ShareAny
	}
	return c
}

func (r *configReader) settings(f *fileConfig) *gatelodge.Settings {
	s := &gatelodge.Settings{
		Timeouts: gatelodge.Timeouts{
			Header:  r.timeout("timeouts.header", f.Timeouts.Header),
			Body:    r.timeout("timeouts.body", f.Timeouts.Body),
			Idle:    r.timeout("timeouts.idle", f.Timeouts.Idle),
			Connect: r.timeout("timeouts.connect", f.Timeouts.Connect),
			Read:    r.timeout("timeouts.read", f.Timeouts.Read),
			Send:    r.timeout("timeouts.send", f.Timeouts.Send),
		},
		Limits: gatelodge.Limits{
			HeaderBytes: within(r, "limits.headerBytes", f.Limits.HeaderBytes, 1024, 16<<20),
			Headers:     within(r, "limits.headers", f.Limits.Headers, 8, 10_000),
			BodyBytes:   within(r, "limits.bodyBytes", f.Limits.BodyBytes, 0, 1<<60),
			Connections: within(r, "limits.connections", f.Limits.Connections, 0, 1<<30),
			Streams:     within(r, "limits.streams", f.Limits.Streams, 1, 1<<20),
		},
		Retries: gatelodge.Retries{
			Attempts: within(r, "retries.attempts", f.Retries.Attempts, 1, 100),
			Budget:   r.percentage("retries.budget", f.Retries.Budget),
		},
		Balancing: gatelodge.Balancing{
			Algorithm: r.algorithm("balancing.algorithm", f.Balancing.Algorithm),
			SlowStart: r.duration("balancing.slowStart", f.Balancing.SlowStart, 0),
		},
		Ejection: gatelodge.Ejection{
			Failures: within(r, "ejection.failures", f.Ejection.Failures, 0, 1000),
			Time:     r.duration("ejection.time", f.Ejection.Time, time.Second),
			Share:    r.percentage("ejection.share", f.Ejection.Share),
		},
		Trust: gatelodge.Trust{
			Forwarded:     r.networks("trust.forwarded", f.Trust.Forwarded),
			ProxyProtocol: r.networks("trust.proxyProtocol", f.Trust.ProxyProtocol),
		},
		Tracing: gatelodge.Tracing{
			Collector: r.collectorURL("tracing.collector", f.Tracing.Collector),
			Service:   r.printable("tracing.service", f.Tracing.Service),
			Sample:    within(r, "tracing.sample", f.Tracing.Sample, 0, 1),
		},
		AccessLog: gatelodge.AccessLog{
			Enabled: f.AccessLog.Enabled,
			Sample:  within(r, "accessLog.sample", f.AccessLog.Sample, 0, 1),
		},
		AmbiguousPaths: r.oneOf("ingress.ambiguousPaths", f.Ingress.AmbiguousPaths, "refuse", "allow") == "allow",
		RedirectHTTPS:  f.RedirectHTTPS,
		HSTS:           r.hsts("hsts", f.HSTS),
		ServerName:     r.serverName("serverName", f.ServerName),
		Compression: gatelodge.CompressionLevels{
			Gzip:   within(r, "compression.gzipLevel", f.Compression.GzipLevel, 1, 9),
			Brotli: within(r, "compression.brotliLevel", f.Compression.BrotliLevel, 1, 6),
			Zstd:   within(r, "compression.zstdLevel", f.Compression.ZstdLevel, 1, 9),
			Memory: r.size("compression.memory", f.Compression.Memory),
		},
		Buffers: gatelodge.Buffers{
			Memory: r.size("buffers.memory", f.Buffers.Memory),
			Disk:   r.size("buffers.disk", f.Buffers.Disk),
			Share:  r.percentage("buffers.share", f.Buffers.Share),
		},
		Drain: gatelodge.Drain{
			DNS:     r.drainDNS(f),
			Delay:   r.duration("drain.delay", f.Drain.Delay, 0),
			Timeout: r.duration("drain.timeout", f.Drain.Timeout, 0),
			Tunnels: r.duration("drain.tunnels", f.Drain.Tunnels, 0),
		},
		TLS: gatelodge.TLSSettings{MinVersion: tls.VersionTLS12},
		DNS: gatelodge.DNSSettings{
			NSID:        f.DNS.NSID,
			RateLimit:   within(r, "dns.rateLimit.responsesPerSecond", f.DNS.RateLimit.ResponsesPerSecond, 0, 1_000_000),
			QuerySample: within(r, "dns.queryLog.sample", f.DNS.QueryLog.Sample, 0, 1),
		},
	}
	s.TLS.RevocationNetworks = r.networks("tls.revocationNetworks", f.TLS.RevocationNetworks)
	switch r.oneOf("tls.revocation", f.TLS.Revocation, "off", "issued", "all") {
	case "issued":
		s.TLS.Revocation = gatelodge.RevocationIssued
	case "all":
		s.TLS.Revocation = gatelodge.RevocationAll
	}
	r.oneOf("accessLog.format", f.AccessLog.Format, "json")
	if r.oneOf("tls.minVersion", f.TLS.MinVersion, "1.2", "1.3") == "1.3" {
		s.TLS.MinVersion = tls.VersionTLS13
	}
	return s
}

// drainDNS returns drain.dns, by default twice the longest TTL of the zones.
func (r *configReader) drainDNS(f *fileConfig) time.Duration {
	if f.Drain.DNS != "" {
		return r.duration("drain.dns", f.Drain.DNS, 0)
	}
	var longest time.Duration
	for i := range f.DNS.Zones {
		if ttl, err := time.ParseDuration(f.DNS.Zones[i].TTL); err == nil { // otherwise it is a problem of the zone
			longest = max(longest, ttl)
		}
	}
	return 2 * longest
}

func (r *configReader) algorithm(key, s string) gatelodge.Algorithm {
	algorithm, err := gatelodge.ParseAlgorithm(s)
	if err != nil {
		r.fail(key, "%q %v, write %s", abridged(s), err, gatelodge.AlgorithmNames())
	}
	return algorithm
}

// defaults checks annotations that are the defaults of all Ingresses.
func (r *configReader) defaults(key string, values map[string]string, views []fileView) map[string]string {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		annotations.ReadDefaults(map[string]string{name: values[name]}, nil, func(_ gatelodge.Reason, format string, args ...any) {
			r.fail(joinKey(key, name), format, args...)
		})
		if annotations.OwnPrefix+strings.TrimPrefix(name, annotations.OwnPrefix) == annotations.ViewsAnnotation {
			for _, view := range annotations.ReadViews(values[name]) {
				r.viewName(joinKey(key, name), view, views)
			}
		}
	}
	return values
}

func (r *configReader) healthCheck(f fileCheck) gatelodge.HealthCheck {
	kind, _ := gatelodge.ParseCheckKind(r.oneOf("healthCheck.kind", f.Kind, "off", "http", "grpc", "tcp"))
	if err := syntax.CheckHealthPath(f.Path); err != nil {
		r.fail("healthCheck.path", "%q %v, write one like /healthz", abridged(f.Path), err)
	}
	return gatelodge.HealthCheck{
		Kind: kind, Path: f.Path,
		Interval: r.duration("healthCheck.interval", f.Interval, time.Second),
		Timeout:  r.duration("healthCheck.timeout", f.Timeout, time.Second),
	}
}

func (r *configReader) compression(f *fileCompression) gatelodge.Compression {
	codings, err := gatelodge.ParseCodings(f.Codings)
	if err != nil {
		r.fail("compression.codings", `%q %v, write "on", "off", or some of zstd, br and gzip`, abridged(f.Codings), err)
	}
	types := gatelodge.DefaultCompressedTypes()
	if len(f.Types) > 0 {
		types = nil
	}
	for i, written := range f.Types {
		one, err := gatelodge.ParseMediaTypes(written)
		if err != nil {
			r.fail(fmt.Sprintf("compression.types[%d]", i), "%q %v, write one such as text/html, text/* or *", abridged(written), err)
		}
		types = append(types, one...)
	}
	return gatelodge.Compression{Codings: codings, Types: types, MinBytes: within(r, "compression.minBytes", f.MinBytes, 0, 1<<40)}
}

func (r *configReader) hsts(key, s string) string {
	if s == "" {
		return ""
	}
	if err := gatelodge.CheckHSTS(s); err != nil {
		r.fail(key, `%q %v, write a field such as "max-age=31536000; includeSubDomains"`, abridged(s), err)
	}
	return s
}

func (r *configReader) listeners(written []fileListener, views []fileView) []gatelodge.Listener {
	var listeners []gatelodge.Listener
	names, addresses := make(unique), make(unique)
	for i, l := range written {
		key := fmt.Sprintf("listeners[%d]", i)
		r.once(names, key+".name", r.label(key+".name", l.Name))
		if address := r.bindAddress(key+".address", l.Address); !strings.HasSuffix(address, ":0") {
			r.once(addresses, key+".address", address)
		}
		protocol := gatelodge.Protocol(r.oneOf(key+".protocol", l.Protocol, "HTTP", "HTTPS", "DNS", "DOT"))
		listeners = append(listeners, gatelodge.Listener{
			Name:       l.Name,
			Protocol:   protocol,
			Address:    l.Address,
			PublicPort: r.publicPort(key+".publicPort", protocol, l.PublicPort),
			Views:      r.listenerViews(key, &l, views),
		})
	}
	return listeners
}

// bindAddress accepts addresses that need no DNS lookup, because this gateway may be
// the DNS server.
func (r *configReader) bindAddress(key, s string) string {
	host, port, err := net.SplitHostPort(s)
	if err == nil && host != "" {
		_, err = netip.ParseAddr(host)
	}
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.fail(key, `%q is not a valid address to listen on, write one like ":8443", "192.0.2.1:8443" or "[2001:db8::1]:8443"`, abridged(s))
	}
	return s
}

// publicPort returns the port that users see: the configured one, or the protocol's
// default.
func (r *configReader) publicPort(key string, protocol gatelodge.Protocol, given int) uint16 {
	switch {
	case r.isWritten(key) && (protocol == gatelodge.DNS || protocol == gatelodge.DOT):
		r.fail(key, "only HTTP and HTTPS listeners have a public port")
	case r.isWritten(key):
		return uint16(within(r, key, given, 1, 65535))
	case protocol == gatelodge.HTTP:
		return 80
	case protocol == gatelodge.HTTPS:
		return 443
	}
	return 0
}

// listenerViews returns the views of a listener. With one view, an HTTP listener need
// not name it; with several it must, so that none is served everywhere by mistake.
func (r *configReader) listenerViews(key string, l *fileListener, views []fileView) []string {
	isDNS := l.Protocol == string(gatelodge.DNS) || l.Protocol == string(gatelodge.DOT)
	switch {
	case l.View != "" && len(l.Views) > 0:
		r.fail(key+".views", "stands beside view, write one of both")
	case len(l.Views) > 0:
		r.viewNames(key+".views", l.Views, views)
		return l.Views
	case l.View == "" && !isDNS && len(views) == 1:
		return []string{views[0].Name}
	}
	return []string{r.viewName(key+".view", l.View, views)}
}

func (r *configReader) controller(key, s string) string {
	if domain, path, found := strings.Cut(s, "/"); !found || path == "" || len(s) > 250 || !isSubdomain(domain) {
		r.fail(key, "%q is not a valid controller name, write one like gatelodge.dev/ingress-controller", abridged(s))
	}
	return s
}

func (r *configReader) selector(key, s string) labels.Selector {
	selector, err := labels.Parse(s)
	if err != nil {
		r.fail(key, `%q is not a valid label selector, write one like "zone=internal": %v`, abridged(s), err)
	}
	return selector
}

func (r *configReader) secrets(key string, written []string) []objects.Key {
	var names []objects.Key
	for i, s := range written {
		names = append(names, r.namespaced(fmt.Sprintf("%s[%d]", key, i), s))
	}
	return names
}

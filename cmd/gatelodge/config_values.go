package main

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"gatelodge.dev/kube/objects"
)

// oneOf accepts one of the allowed values.
func (r *configReader) oneOf(key, s string, allowed ...string) string {
	if !slices.Contains(allowed, s) {
		r.fail(key, "%q is not a valid value, write %s", abridged(s), strings.Join(allowed, " or "))
	}
	return s
}

// within accepts a number from low to high.
func within[T cmp.Ordered](r *configReader, key string, n, low, high T) T {
	if !(n >= low && n <= high) { // rejects NaN, too
		r.fail(key, "%v is out of range, write a number from %v to %v", n, low, high)
	}
	return n
}

// unique holds values that must not be repeated, with the key of each.
type unique map[string]string

func (r *configReader) once(seen unique, key, value string) {
	if first, found := seen[value]; found {
		r.fail(key, "%q is already given at %s", abridged(value), first)
		return
	}
	seen[value] = key
}

// each validates the items of a list with item.
func (r *configReader) each(key string, items []string, item func(key, s string) string) []string {
	for i, s := range items {
		item(fmt.Sprintf("%s[%d]", key, i), s)
	}
	return items
}

// duration accepts what time.ParseDuration does, if it is not shorter than least.
func (r *configReader) duration(key, s string, least time.Duration) time.Duration {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.fail(key, "%q is not a valid duration, write one like 30s, 500ms or 1m30s", abridged(s))
	case d < least:
		r.fail(key, "%s is too short, write %s or more", d, least)
	}
	return d
}

// timeout accepts a duration of at least a millisecond.
func (r *configReader) timeout(key, s string) time.Duration {
	return r.duration(key, s, time.Millisecond)
}

// ttl accepts a DNS TTL (RFC 2181 §8) in whole seconds.
func (r *configReader) ttl(key, s string) time.Duration {
	d := r.duration(key, s, 0)
	if d%time.Second != 0 || d > (1<<31-1)*time.Second {
		r.fail(key, "%q is not a valid TTL, write whole seconds below 2³¹", abridged(s))
	}
	return d
}

// size accepts a number of bytes with a unit, such as "32MiB", or "0".
func (r *configReader) size(key, s string) int64 {
	number, unit := s, int64(1)
	for i, suffix := range []string{"KiB", "MiB", "GiB"} {
		if n, found := strings.CutSuffix(s, suffix); found {
			number, unit = n, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit || unit == 1 && n != 0 {
		r.fail(key, "%q is not a valid size, write a number with a unit, such as 32MiB, or 0", abridged(s))
		return 0
	}
	return n * unit
}

// percentage accepts "0%" to "100%" and returns 0 to 1.
func (r *configReader) percentage(key, s string) float64 {
	number, found := strings.CutSuffix(s, "%")
	n, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || !(n >= 0 && n <= 100) {
		r.fail(key, "%q is not a valid percentage, write 0%% to 100%%", abridged(s))
	}
	return n / 100
}

// networks accepts CIDRs and single addresses.
func (r *configReader) networks(key string, written []string) []netip.Prefix {
	var networks []netip.Prefix
	for i, s := range written {
		network, err := netip.ParsePrefix(s)
		if address, isAddress := parseAddress(s); isAddress {
			network, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			r.fail(fmt.Sprintf("%s[%d]", key, i), "%q is not a valid network, write one like 10.0.0.0/8 or 2001:db8::/32", abridged(s))
		}
		networks = append(networks, network.Masked())
	}
	return networks
}

// parseAddress accepts an address without an IPv6 zone that is not an IPv4-mapped
// one, so that equal addresses compare as equal.
func parseAddress(s string) (address netip.Addr, ok bool) {
	address, err := netip.ParseAddr(s)
	return address, err == nil && address.Zone() == "" && !address.Is4In6()
}

// addresses accepts IP addresses to publish in the DNS.
func (r *configReader) addresses(key string, written []string) []netip.Addr {
	var addresses []netip.Addr
	seen := make(unique)
	for i, s := range written {
		item := fmt.Sprintf("%s[%d]", key, i)
		address, ok := parseAddress(s)
		if !ok || address.IsUnspecified() || address.IsMulticast() {
			r.fail(item, "%q is not a valid host address, write one like 192.0.2.1 or 2001:db8::1", abridged(s))
			continue
		}
		r.once(seen, item, address.String())
		addresses = append(addresses, address)
	}
	return addresses
}

// collectorURL accepts the URL of a receiver of OTLP over HTTP, or nothing.
func (r *configReader) collectorURL(key, s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		r.fail(key, "%q is not a valid URL of a receiver of OTLP over HTTP, write one like http://collector.observability:4318", abridged(s))
	}
	return s
}

// dnsServers accepts addresses of DNS servers; the default port is 53. what names one
// in messages.
func (r *configReader) dnsServers(key, what string, written []string) []netip.AddrPort {
	var servers []netip.AddrPort
	seen := make(unique)
	for i, s := range written {
		item := fmt.Sprintf("%s[%d]", key, i)
		server, err := netip.ParseAddrPort(s)
		if address, ok := parseAddress(s); ok {
			server, err = netip.AddrPortFrom(address, 53), nil
		}
		if err != nil || server.Addr().IsUnspecified() || server.Addr().IsMulticast() || server.Port() == 0 {
			r.fail(item, "%q is not a valid address of %s, write one like 192.0.2.53 or 192.0.2.53:5353", abridged(s), what)
			continue
		}
		r.once(seen, item, server.String())
		servers = append(servers, server)
	}
	return servers
}

// label accepts the name of a Kubernetes namespace. The gateway's own names follow the
// same rules.
func (r *configReader) label(key, s string) string {
	if len(validation.IsDNS1123Label(s)) > 0 {
		r.fail(key, "%q is not a valid name, write up to 63 lower-case letters, digits and hyphens", abridged(s))
	}
	return s
}

// subdomain accepts the name of most kinds of Kubernetes objects.
func (r *configReader) subdomain(key, s string) string {
	if !isSubdomain(s) {
		r.fail(key, "%q is not a valid object name, write lower-case letters, digits, hyphens and dots", abridged(s))
	}
	return s
}

func isSubdomain(s string) bool {
	return len(validation.IsDNS1123Subdomain(s)) == 0
}

// namespaced accepts the namespace and name of an object.
func (r *configReader) namespaced(key, s string) objects.Key {
	namespace, name, found := strings.Cut(s, "/")
	if !found || len(validation.IsDNS1123Label(namespace)) > 0 || !isSubdomain(name) {
		r.fail(key, "%q is not a valid object name, write namespace/name", abridged(s))
	}
	return objects.Key{Namespace: namespace, Name: name}
}

// servicePort accepts a port of a Service, or nothing.
func (r *configReader) servicePort(key, s string) *objects.ServicePort {
	if s == "" {
		return nil
	}
	service, port, _ := strings.Cut(s, ":")
	namespace, name, found := strings.Cut(service, "/")
	number, err := strconv.ParseUint(port, 10, 16)
	isPort := err == nil && number > 0 || len(validation.IsValidPortName(port)) == 0
	if !found || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1035Label(name)) > 0 || !isPort {
		r.fail(key, "%q is not a valid Service port, write namespace/service:port", abridged(s))
	}
	return &objects.ServicePort{Namespace: namespace, Name: name, Port: port}
}

// serverName accepts the value of a Server field (RFC 9110 §10.2.4).
func (r *configReader) serverName(key, s string) string {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			r.fail(key, "%q is not a valid Server field, write ASCII text such as gatelodge, or nothing for none", abridged(s))
			return ""
		}
	}
	if strings.TrimSpace(s) != s || len(s) > 128 {
		r.fail(key, "%q is not a valid Server field, write up to 128 characters without spaces around them", abridged(s))
	}
	return s
}

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"gatelodge.dev/kube/objects"
)

// The admin endpoint has no password, so a page in a browser inside the network could
// use it. Two rules prevent that:
//
//   - What changes something is not done for another site's page
//     (http.CrossOriginProtection: Sec-Fetch-Site, and Origin where that is
//     missing).
//   - Nothing is shown under a name that is not the endpoint's own. A page can
//     have its own name lead to our address (DNS rebinding), and would then be
//     of the same site.

// ServeHTTP answers a request that passes both rules.
func (a *admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.isOwnHost(r.Host) {
		writeText(w, http.StatusForbidden, fmt.Sprintf("Forbidden: %.255q is not a name of this endpoint, write it under admin.hosts in the configuration if it should be\n", r.Host))
		return
	}
	if err := a.sites.Check(r); err != nil {
		writeText(w, http.StatusForbidden, "Forbidden: another site's page may not do this\n")
		return
	}
	a.mux.ServeHTTP(w, r)
}

// isOwnHost reports whether a Host field names the endpoint: an address, localhost, the
// pod, one of the gateway's Services, or a configured name. Clients that send none are
// not browsers.
func (a *admin) isOwnHost(field string) bool {
	host := field
	if name, _, err := net.SplitHostPort(field); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "" || host == "localhost" {
		return true
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	config := a.gateway.config.Load()
	if host == strings.ToLower(identity()) || slices.Contains(config.AdminHosts, host) {
		return true
	}
	return slices.ContainsFunc(config.services(), func(service objects.Key) bool {
		short, found := strings.CutPrefix(host, service.Name)
		if !found {
			return false
		}
		switch rest, within := strings.CutPrefix(short, "."+service.Namespace); {
		case short == "":
			return true
		case service.Namespace == "" || !within:
			return false
		default: // a name that a pod's resolver completes
			return rest == "" || rest == ".svc" || rest == ".svc.cluster.local"
		}
	})
}

// services returns the Services that lead to the gateway, by the names that the
// configuration and the chart give them.
func (c *config) services() []objects.Key {
	services := []objects.Key{c.Kube.DNSService}
	for _, view := range c.Kube.Views {
		services = append(services, view.Service, view.DNSService)
	}
	for _, suffix := range []string{"", "-dns", "-metrics"} {
		services = append(services, objects.Key{Namespace: os.Getenv("POD_NAMESPACE"), Name: c.Name + suffix})
	}
	return slices.DeleteFunc(services, func(s objects.Key) bool { return s.Name == "" })
}

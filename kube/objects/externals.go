package objects

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
)

// Externals contains the addresses of the names of ExternalName Services.
type Externals = gatelodge.Map[gatelodge.Name, *External]

// External is the state of one name. It is immutable.
type External struct {
	Addresses []netip.Addr // sorted; empty: there never was an answer with one
}

// ExternalName returns the external name of a Service, which may be nil, in the form of
// Externals; "" for none.
func ExternalName(service *corev1.Service) gatelodge.Name {
	if !IsExternal(service) {
		return ""
	}
	name, err := gatelodge.ParseName(service.Spec.ExternalName)
	if err != nil {
		return ""
	}
	return name
}

// IsExternal reports whether the Service, which may be nil, is for a name outside the
// cluster.
func IsExternal(service *corev1.Service) bool {
	return service != nil && service.Spec.Type == corev1.ServiceTypeExternalName
}

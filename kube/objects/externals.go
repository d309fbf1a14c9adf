package objects

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
)

// Externals is what the names resolve to that Services of type ExternalName
// stand for.
type Externals = gatelodge.Map[gatelodge.Name, *External]

// External is what is known of one name. It is never written.
type External struct {
	Addresses []netip.Addr // sorted; empty: there never was an answer with one
}

// ExternalName returns the name that a Service, which may be nil, stands for, as
// Externals has it; "" for none.
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

// IsExternal reports whether the Service, which may be nil, stands for a name
// outside of the cluster.
func IsExternal(service *corev1.Service) bool {
	return service != nil && service.Spec.Type == corev1.ServiceTypeExternalName
}

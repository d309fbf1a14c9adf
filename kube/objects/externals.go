package objects

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
)

// Externals is what the names resolve to that Services of type ExternalName
// stand for. It is never written: other addresses are other Externals.
type Externals struct {
	ByName map[gatelodge.Name]*External
}

// External is what is known of one name.
type External struct {
	Addresses []netip.Addr // sorted; empty: there never was an answer with one
}

// Of returns what is known of the name behind a Service, nil for nothing yet.
func (e *Externals) Of(service *corev1.Service) *External {
	if e == nil || !IsExternal(service) {
		return nil
	}
	name, err := gatelodge.ParseName(service.Spec.ExternalName)
	if err != nil {
		return nil
	}
	return e.ByName[name]
}

func IsExternal(service *corev1.Service) bool {
	return service != nil && service.Spec.Type == corev1.ServiceTypeExternalName
}

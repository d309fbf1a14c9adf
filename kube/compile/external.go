package compile

import (
	"fmt"
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/endpoints"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// addExternal adds the endpoints of the addresses of a name. A name may resolve to
// anything, so addresses are checked like those of an EndpointSlice that a team wrote.
func (r *backendResult) addExternal(ref *intent.BackendRef, port *corev1.ServicePort, objs *objects.Objects, cfg *objects.Config) {
	if r.external == nil {
		return // nobody has asked yet, or nobody does: as while manifests are checked
	}
	if len(r.external.Addresses) == 0 {
		r.failure = &failure{gatelodge.BackendMissing, fmt.Sprintf("Service %s has the externalName %s, which has no address", ref.Service(), r.service.Spec.ExternalName)}
		return
	}
	for _, address := range r.external.Addresses {
		if err := cfg.CheckAddress(address); err != nil {
			r.problems = append(r.problems, gatelodge.Problem{
				Object: objs.ObjectOf("Service", &r.service.ObjectMeta), Reason: gatelodge.BackendUnsupported,
				Message: fmt.Sprintf("externalName %s: address %v", r.service.Spec.ExternalName, err),
			})
			continue
		}
		r.backend.Endpoints = append(r.backend.Endpoints, gatelodge.Endpoint{Address: netip.AddrPortFrom(address, uint16(port.Port))})
	}
}

// externalPort returns the port of a Service with an external name. Such a Service
// needs none; without one, the number in the Ingress is used.
func externalPort(ref *intent.BackendRef, service *corev1.Service, cfg *objects.Config) (*corev1.ServicePort, *failure) {
	if cfg.RefuseExternalNames {
		return nil, &failure{gatelodge.BackendUnsupported, fmt.Sprintf("Service %s is of type ExternalName, which this gateway refuses", ref.Service())}
	}
	if _, err := syntax.ParseName(service.Spec.ExternalName); err != nil {
		return nil, &failure{gatelodge.BackendUnsupported, fmt.Sprintf("Service %s has a bad externalName: %v", ref.Service(), err)}
	}
	if len(service.Spec.Ports) == 0 {
		if number, err := strconv.ParseUint(ref.Port.Port, 10, 16); err == nil && number > 0 {
			return &corev1.ServicePort{Port: int32(number)}, nil
		}
	}
	port, missing := endpoints.FindPort(ref, service)
	if missing != "" {
		return nil, &failure{gatelodge.BackendMissing, missing}
	}
	if port.Port < 1 || port.Port > 65535 {
		return nil, &failure{gatelodge.BackendUnsupported, fmt.Sprintf("Service %s has port %d, expected one from 1 to 65535", ref.Service(), port.Port)}
	}
	return port, nil
}

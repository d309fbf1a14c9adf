package compile

import (
	"fmt"
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// authBackend returns the key of a policy's auth-url service, "" for none.
func authBackend(p *gatelodge.Policy) gatelodge.BackendKey {
	if p.ExternalAuth == nil {
		return ""
	}
	return p.ExternalAuth.Backend
}

// refuseAuth returns why the service of auth-url may not be used; nil if it may. Its
// author chooses where the gateway connects to, like that of an ExternalName Service,
// so the same setting applies to both. The operator may name any.
func refuseAuth(ref *intent.BackendRef, cfg *objects.Config) *failure {
	switch {
	case ref.Auth == nil || !cfg.RefuseExternalNames || ref.Auth.For == "*":
		return nil
	case ref.Auth.External:
		return &failure{gatelodge.BackendUnsupported, fmt.Sprintf("auth-url names %s, which is not a Service, and this gateway refuses external names", ref.Port.Name)}
	case ref.Port.Namespace != ref.Auth.For:
		return &failure{gatelodge.BackendUnsupported, fmt.Sprintf("auth-url names Service %s of another namespace, which this gateway refuses together with external names", ref.Service())}
	}
	return nil
}

// externalName returns the name to look up for a reference, "" for none.
func externalName(ref *intent.BackendRef, service *corev1.Service) gatelodge.Name {
	if ref.Auth == nil || !ref.Auth.External {
		return objects.ExternalName(service)
	}
	if _, err := netip.ParseAddr(ref.Port.Name); err == nil {
		return ""
	}
	return gatelodge.Name(ref.Port.Name) // canonical, as syntax.ReadAuthURL reads it
}

// authPort returns the port of a URL.
func authPort(ref *intent.BackendRef) *corev1.ServicePort {
	number, _ := strconv.ParseUint(ref.Port.Port, 10, 16) // NewAuthRef wrote it
	return &corev1.ServicePort{Port: int32(number)}
}

// addAuthService adds the endpoints of the address in auth-url, or of the addresses of
// its name.
func (r *backendResult) addAuthService(ref *intent.BackendRef, port *corev1.ServicePort) {
	var addresses []netip.Addr
	if address, err := netip.ParseAddr(ref.Port.Name); err == nil {
		addresses = []netip.Addr{address}
	} else if r.external == nil {
		return // not looked up yet, or never, as when manifests are checked
	} else if addresses = r.external.Addresses; len(addresses) == 0 {
		r.failure = &failure{gatelodge.BackendMissing, fmt.Sprintf("auth-url names %s, which has no address", ref.Port.Name)}
	}
	for _, address := range addresses {
		if err := r.cfg.CheckAddress(address); err != nil {
			r.failure = &failure{gatelodge.BackendUnsupported, fmt.Sprintf("auth-url names %s, whose address %v", ref.Port.Name, err)}
			continue
		}
		r.backend.Endpoints = append(r.backend.Endpoints, gatelodge.Endpoint{Address: netip.AddrPortFrom(address, uint16(port.Port))})
	}
}

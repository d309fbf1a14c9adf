package intent

import (
	"net/netip"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// NewAuthRef returns the reference to the auth-url service of the Ingresses of a
// namespace.
func NewAuthRef(namespace string, to annotations.AuthService) *BackendRef {
	port := objects.ServicePort{Namespace: to.Namespace, Name: to.Name, Port: strconv.Itoa(int(to.Port))}
	if to.External {
		port.Namespace = namespace
	}
	protocol, tls := gatelodge.BackendHTTP, annotations.BackendTLSAsk{}
	if to.Secure {
		protocol = gatelodge.BackendHTTPS
		if name, err := gatelodge.ParseName(to.Host()); err == nil {
			tls = annotations.BackendTLSAsk{SendName: true, Name: name}
		}
	}
	ref := NewBackendRef(port, protocol, tls, annotations.HealthCheckAsk{})
	ref.Auth = &AuthRef{For: namespace, External: to.External}
	if to.ByClass {
		ref.Auth.For = "*"
	}
	ref.Key += gatelodge.BackendKey("+auth(" + ref.Auth.For + ")")
	return ref
}

// AuthRef is the additional part of a reference to an auth-url service, compared with
// that of a route.
type AuthRef struct {
	For      string // the namespace of the Ingresses; "*": the operator's, for all
	External bool   // Port.Name is a host or an address, not a Service
}

// AuthTarget is what an auth-url leads to: a Service, or a name to be looked up.
type AuthTarget struct {
	Service objects.Key    // the zero Key: none
	Name    gatelodge.Name // "": none
}

// AuthTargetOf returns what the auth-url of an Ingress, which may be nil, leads to.
func AuthTargetOf(ingress *networkingv1.Ingress) (t AuthTarget) {
	if ingress == nil {
		return t
	}
	if service, ok := annotations.AuthServiceOf(ingress.Annotations); ok {
		t = authTarget(service)
	}
	return t
}

// AuthTargetsOf returns what the URLs of a class's ConfigMap, which may be nil, lead to.
func AuthTargetsOf(configMap *corev1.ConfigMap) (targets []AuthTarget) {
	if configMap == nil {
		return nil
	}
	return AuthTargetsOfDefaults(configMap.Data)
}

// AuthTargetsOfDefaults is AuthTargetsOf for the defaults of the configuration.
func AuthTargetsOfDefaults(values map[string]string) (targets []AuthTarget) {
	for _, service := range annotations.AuthServicesOfClass(values) {
		targets = append(targets, authTarget(service))
	}
	return targets
}

func authTarget(service annotations.AuthService) (t AuthTarget) {
	if !service.External {
		t.Service = objects.Key{Namespace: service.Namespace, Name: service.Name}
	} else if _, err := netip.ParseAddr(service.Name); err != nil {
		t.Name = gatelodge.Name(service.Name) // canonical, as syntax.ReadAuthURL reads it
	}
	return t
}

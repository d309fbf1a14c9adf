package intent

import (
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// BackendRef is what a route says of its backend. Equal keys mean equal
// content.
type BackendRef struct {
	Key      gatelodge.BackendKey
	Port     objects.ServicePort
	Protocol gatelodge.BackendProtocol // "": what the Service port says
	TLS      annotations.BackendTLSAsk // where the protocol is over TLS
	Check    annotations.HealthCheckAsk
	Auth     *AuthRef // nil: a route leads there
	Mirror   bool     // for copies of requests alone
	Whole    bool     // requests go to the address of the Service, and not to its endpoints
}

// NewBackendRef names a backend by what its author wrote, so that the key is
// the same before and after the Service exists, and does not change with it.
func NewBackendRef(port objects.ServicePort, protocol gatelodge.BackendProtocol, tls annotations.BackendTLSAsk, check annotations.HealthCheckAsk) *BackendRef {
	key := port.Namespace + "/" + port.Name + ":" + port.Port
	if protocol != "" {
		key += "+" + string(protocol)
	}
	return &BackendRef{Key: gatelodge.BackendKey(key + tls.Key() + check.Key()), Port: port, Protocol: protocol, TLS: tls, Check: check}
}

// mirror names the backend of copies of requests; nil for none. It is one of its
// own, so that copies take no connections from requests, and what is known of the
// endpoints does not hurt these.
func (in *Claimant) mirror() *BackendRef {
	ask := &in.Asked.Mirror
	if ask.Service == "" {
		return nil
	}
	var protocol gatelodge.BackendProtocol
	if ask.TLS {
		protocol = gatelodge.BackendHTTPS
	}
	ref := NewBackendRef(objects.ServicePort{Namespace: in.Object.Namespace, Name: ask.Service, Port: ask.Port}, protocol, annotations.BackendTLSAsk{}, annotations.HealthCheckAsk{})
	ref.Key += "+mirror"
	ref.Mirror = true
	return ref
}

// Service names the Service in a message.
func (ref *BackendRef) Service() string {
	return ref.Port.Namespace + "/" + ref.Port.Name
}

// ServiceForErrors returns the Service that an Ingress names by annotation for its
// errors, "" if it names none. What its class has by default is left out.
func ServiceForErrors(source *networkingv1.Ingress) string {
	return annotations.DefaultBackend(source.Annotations)
}

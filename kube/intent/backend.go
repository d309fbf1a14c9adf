package intent

import (
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// BackendRef is a route's reference to its backend. Equal keys mean equal content.
type BackendRef struct {
	Key      gatelodge.BackendKey
	Port     objects.ServicePort
	Protocol gatelodge.BackendProtocol // "": that of the Service port
	TLS      annotations.BackendTLSAsk // if the protocol is over TLS
	Check    annotations.HealthCheckAsk
	Auth     *AuthRef // nil: a route leads there
	Mirror   bool     // only for copies of requests
	Whole    bool     // requests go to the address of the Service, and not to its endpoints
}

// NewBackendRef names a backend by what its author wrote, so that the key does not
// depend on whether the Service exists, or on its content.
func NewBackendRef(port objects.ServicePort, protocol gatelodge.BackendProtocol, tls annotations.BackendTLSAsk, check annotations.HealthCheckAsk) *BackendRef {
	key := port.Namespace + "/" + port.Name + ":" + port.Port
	if protocol != "" {
		key += "+" + string(protocol)
	}
	return &BackendRef{Key: gatelodge.BackendKey(key + tls.Key() + check.Key()), Port: port, Protocol: protocol, TLS: tls, Check: check}
}

// mirror returns the backend for copies of requests; nil for none. It is separate from
// that of requests, so that copies use none of their connections, and failures of
// copies don't affect them.
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

// Service formats the Service for a message.
func (ref *BackendRef) Service() string {
	return ref.Port.Namespace + "/" + ref.Port.Name
}

// ServiceForErrors returns the Service for errors in an annotation of the Ingress, ""
// if there is none. The default of its class is not considered.
func ServiceForErrors(source *networkingv1.Ingress) string {
	return annotations.DefaultBackend(source.Annotations)
}

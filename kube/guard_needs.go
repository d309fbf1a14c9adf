package kube

import (
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

// needs is the objects, by name, without which an Ingress is not served as it
// was.
type needs struct {
	services, secrets map[types.NamespacedName]bool
	namespaces        map[string]bool // whose limits of names hold
}

func needsOf(ingresses []*ingress) *needs {
	n := &needs{make(map[types.NamespacedName]bool), make(map[types.NamespacedName]bool), make(map[string]bool)}
	for _, in := range ingresses {
		n.namespaces[in.object.Namespace] = true
		for i := range in.asks {
			for j := range in.asks[i].paths {
				n.backend(in.asks[i].paths[j].backend)
			}
			n.backend(in.asks[i].fallback)
		}
		for _, name := range in.secretNames() {
			n.secrets[types.NamespacedName{Namespace: in.object.Namespace, Name: name}] = true
		}
	}
	return n
}

func (n *needs) backend(ref *backendRef) {
	if ref != nil {
		n.services[types.NamespacedName{Namespace: ref.port.Namespace, Name: ref.port.Name}] = true
	}
}

// add adds what the configuration names.
func (n *needs) add(cfg *Config) {
	if port := cfg.DefaultBackend; port != nil {
		n.services[types.NamespacedName{Namespace: port.Namespace, Name: port.Name}] = true
	}
	for _, service := range cfg.announcingServices() {
		n.services[service] = true
	}
	for _, secret := range cfg.DefaultCertificates {
		n.secrets[secret] = true
	}
}

// serviceOf names the Service that a slice is of.
func serviceOf(slice *discoveryv1.EndpointSlice) types.NamespacedName {
	return types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
}

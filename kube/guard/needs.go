package guard

import (
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// needs is the objects, by name, without which an Ingress is not served as it
// was.
type needs struct {
	services, secrets map[objects.Key]bool
	namespaces        map[string]bool // whose limits of names hold
}

func needsOf(claimants intent.Claimants) *needs {
	n := &needs{make(map[objects.Key]bool), make(map[objects.Key]bool), make(map[string]bool)}
	for _, in := range claimants.All() {
		n.namespaces[in.Object.Namespace] = true
		for i := range in.Claims {
			for j := range in.Claims[i].Paths {
				n.backend(in.Claims[i].Paths[j].Backend)
			}
			n.backend(in.Claims[i].Fallback)
		}
		for _, name := range in.SecretNames() {
			n.secrets[objects.Key{Namespace: in.Object.Namespace, Name: name}] = true
		}
	}
	return n
}

func (n *needs) backend(ref *intent.BackendRef) {
	if ref != nil {
		n.services[objects.Key{Namespace: ref.Port.Namespace, Name: ref.Port.Name}] = true
	}
}

// add adds what the configuration names.
func (n *needs) add(cfg *objects.Config) {
	if port := cfg.DefaultBackend; port != nil {
		n.services[objects.Key{Namespace: port.Namespace, Name: port.Name}] = true
	}
	for _, service := range cfg.AnnouncingServices() {
		n.services[service] = true
	}
	for _, secret := range cfg.DefaultCertificates {
		n.secrets[secret] = true
	}
}

package guard

import (
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// needs contains the objects without which claimants are not served as before.
type needs map[need]bool

// need is an object that others need. EndpointSlices are needed as part of their
// Service.
type need struct {
	kind string
	key  objects.Key
}

// isNeeded reports whether others need objects of the kind. Those that ask for names
// depart by themselves, and have their class's defaults since they were read.
func isNeeded(kind *objects.Kind) bool {
	switch kind.Name {
	case "Service", "EndpointSlice", "Secret", "ConfigMap", "Namespace":
		return true
	}
	return false
}

// needOf returns the need for an object.
func needOf(kind *objects.Kind, object metav1.Object) need {
	if slice, ok := object.(*discoveryv1.EndpointSlice); ok {
		return need{"Service", objects.ServiceOf(slice)}
	}
	return need{kind.Name, objects.KeyOf(object)}
}

// needsOf lists what claimants need.
func needsOf(claimants intent.Claimants) needs {
	n := make(needs)
	for _, c := range claimants.All() {
		n[need{"Namespace", objects.Key{Name: c.Object.Namespace}}] = true // its limits of names apply
		for i := range c.Claims {
			paths := c.Claims[i].Paths
			if i > 0 && objects.SameSlice(paths, c.Claims[i-1].Paths) {
				paths = nil // as for aliases
			}
			for j := range paths {
				n.addBackend(paths[j].Backend)
			}
			n.addBackend(c.Claims[i].Fallback)
		}
		if service, ok := c.Asked.AuthService(); ok && !service.External {
			n[need{"Service", objects.Key{Namespace: service.Namespace, Name: service.Name}}] = true
		}
		n[need{"Service", objects.Key{Namespace: c.Object.Namespace, Name: c.Asked.ErrorPages.Service}}] = true
		n.addBackend(c.Mirror)
		for _, name := range c.ConfigMapNames() {
			n[need{"ConfigMap", objects.Key{Namespace: c.Object.Namespace, Name: name}}] = true
		}
		for _, name := range c.SecretNames() {
			n[need{"Secret", objects.Key{Namespace: c.Object.Namespace, Name: name}}] = true
		}
	}
	return n
}

func (n needs) addBackend(ref *intent.BackendRef) {
	if ref != nil {
		n[need{"Service", objects.Key{Namespace: ref.Port.Namespace, Name: ref.Port.Name}}] = true
	}
}

// addConfig adds the objects that the configuration names.
func (n needs) addConfig(cfg *objects.Config) {
	if port := cfg.DefaultBackend; port != nil {
		n[need{"Service", objects.Key{Namespace: port.Namespace, Name: port.Name}}] = true
	}
	for _, service := range cfg.AnnouncingServices() {
		n[need{"Service", service}] = true
	}
	for _, secret := range cfg.DefaultCertificates {
		n[need{"Secret", secret}] = true
	}
}

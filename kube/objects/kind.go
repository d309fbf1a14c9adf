package objects

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

// NewObject returns an empty object of a kind that a Snapshot is built from, and
// the version of the API that it is read in.
func NewObject(kind string) (object metav1.Object, apiVersion string) {
	switch kind {
	case "Ingress":
		return &networkingv1.Ingress{}, "networking.k8s.io/v1"
	case "IngressClass":
		return &networkingv1.IngressClass{}, "networking.k8s.io/v1"
	case "EndpointSlice":
		return &discoveryv1.EndpointSlice{}, "discovery.k8s.io/v1"
	case "Service":
		return &corev1.Service{}, "v1"
	case "Secret":
		return &corev1.Secret{}, "v1"
	case "Namespace":
		return &corev1.Namespace{}, "v1"
	case "ConfigMap":
		return &corev1.ConfigMap{}, "v1"
	case "DNSEndpoint":
		return &DNSEndpoint{}, DNSEndpointResource.GroupVersion().String()
	}
	return nil, ""
}

// SameKind tells whether two versions of an API are about one kind: other
// groups, such as serving.knative.dev, have a Service too. The group that
// Ingress came from counts, so that whoever still uses it is told.
func SameKind(kind, a, b string) bool {
	return groupOf(a) == groupOf(b) || kind == "Ingress" && groupOf(a) == "extensions"
}

func groupOf(apiVersion string) string {
	if group, _, ok := strings.Cut(apiVersion, "/"); ok {
		return group
	}
	return "" // the core group
}

// Identify gives the object what an API server would: a namespace, a UID, which
// is the same as long as the object stays in its file, and a resourceVersion,
// which is the same as long as its content is.
func Identify(file, kind string, object metav1.Object, raw []byte) error {
	name := object.GetName()
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("has metadata.name %.60q, expected lower-case letters, digits, hyphens and dots", name)
	}
	switch namespace := object.GetNamespace(); {
	case kind == "IngressClass" || kind == "Namespace":
		object.SetNamespace("")
	case namespace == "":
		object.SetNamespace(metav1.NamespaceDefault)
	case len(validation.IsDNS1123Label(namespace)) > 0:
		return fmt.Errorf("%s has metadata.namespace %.60q, expected lower-case letters, digits and hyphens", name, namespace)
	}
	object.SetUID(types.UID(fmt.Sprintf("%s#%s/%s/%s", file, kind, object.GetNamespace(), name)))
	object.SetResourceVersion(HashOf(raw))
	if secret, ok := object.(*corev1.Secret); ok {
		for key, value := range secret.StringData {
			if secret.Data == nil {
				secret.Data = make(map[string][]byte)
			}
			secret.Data[key] = []byte(value)
		}
		secret.StringData = nil
	}
	return nil
}

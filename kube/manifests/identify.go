package manifests

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"gatelodge.dev/kube/objects"
)

// isOf reports whether a version of an API has the kind: other groups, such as
// serving.knative.dev, have a Service too. The group that Ingress came from
// counts, so that manifests that still have it get a problem.
func isOf(kind *objects.Kind, apiVersion string) bool {
	group := groupOf(apiVersion)
	return group == groupOf(kind.APIVersion) || kind.Name == "Ingress" && group == "extensions"
}

func groupOf(apiVersion string) string {
	if group, _, ok := strings.Cut(apiVersion, "/"); ok {
		return group
	}
	return "" // the core group
}

// identify gives the object what an API server would: a namespace; a UID, which is the
// same as long as the object stays in its file; and a resourceVersion, which is the
// same as long as its content is. An object without a creationTimestamp is older than
// those with one, and among those without, the order is that of their places, by item
// within a document.
func identify(file string, item int, kind *objects.Kind, object metav1.Object, raw []byte) error {
	name := object.GetName()
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("has metadata.name %.60q, expected lower-case letters, digits, hyphens and dots", name)
	}
	switch namespace := object.GetNamespace(); {
	case !kind.Namespaced:
		object.SetNamespace("")
	case namespace == "":
		object.SetNamespace(metav1.NamespaceDefault)
	case len(validation.IsDNS1123Label(namespace)) > 0:
		return fmt.Errorf("%s has metadata.namespace %.60q, expected lower-case letters, digits and hyphens", name, namespace)
	}
	object.SetUID(types.UID(fmt.Sprintf("%s#%s/%s/%s", file, kind.Name, object.GetNamespace(), name)))
	object.SetResourceVersion(objects.HashOf(raw))
	if created := object.GetCreationTimestamp(); created.Unix() <= 0 {
		object.SetCreationTimestamp(metav1.NewTime(time.Unix(0, int64(item))))
	}
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

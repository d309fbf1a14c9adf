package apiserver

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
)

// fieldManager is who the API server is told sets the fields that tests apply.
const fieldManager = "e2e"

// Apply makes the objects of YAML documents, in their order and as the
// administrator, or changes them if they exist (server-side apply), and returns
// them as the API server has them then. Objects without a namespace go into
// default.
func (c *Cluster) Apply(t testing.TB, manifests string) []*unstructured.Unstructured {
	t.Helper()
	return c.apply(t, manifests, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
}

// DryRun is Apply without lasting effect: it fails the test where the API server
// would refuse an object, and the namespaces of the objects must exist.
func (c *Cluster) DryRun(t testing.TB, manifests string) []*unstructured.Unstructured {
	t.Helper()
	return c.apply(t, manifests, metav1.ApplyOptions{FieldManager: fieldManager, Force: true, DryRun: []string{metav1.DryRunAll}})
}

func (c *Cluster) apply(t testing.TB, manifests string, options metav1.ApplyOptions) []*unstructured.Unstructured {
	t.Helper()
	objects, err := decode(manifests)
	if err != nil {
		t.Fatalf("reading manifests: %v", err)
	}
	for i, object := range objects {
		identity := fmt.Sprintf("%s %s/%s", object.GetKind(), object.GetNamespace(), object.GetName())
		client, err := c.clientFor(object)
		if err != nil {
			t.Fatalf("applying %s: %v", identity, err)
		}
		objects[i], err = client.Apply(t.Context(), object.GetName(), object, options)
		if err != nil {
			t.Fatalf("applying %s: %v", identity, err)
		}
	}
	return objects
}

func decode(manifests string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifests), 4096)
	for {
		var raw runtime.RawExtension
		if err := documents.Decode(&raw); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if len(raw.Raw) == 0 || string(raw.Raw) == "null" { // between two separators
			continue
		}
		object := new(unstructured.Unstructured)
		if err := object.UnmarshalJSON(raw.Raw); err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
}

// clientFor returns the client for the resource and namespace of an object.
func (c *Cluster) clientFor(object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	kind := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) { // a resource that was installed meanwhile
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	}
	if err != nil {
		return nil, err
	}
	client := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return client, nil
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = metav1.NamespaceDefault
	}
	return client.Namespace(namespace), nil
}

package cluster

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/objects"
)

// reading defines how the objects of a kind are read from the API server.
type reading struct {
	// listWatch lists and watches the objects of a key. It calls noted with the result
	// of each request.
	listWatch func(c *Cluster, key feedKey, noted func(error)) cache.ListerWatcher
	example   runtime.Object // the type that the API server sends
	// trim drops what Build does not read, which is most of what the API server sends:
	// the endpoints of a large cluster would need many times the memory. It returns nil
	// for an object that is not read at all, and may get its own result.
	trim func(c *Cluster, object any) (metav1.Object, error)
	// spare means that everything else is served without this kind.
	spare bool
	// optional is a resource that not every cluster has; nil: all have it.
	optional *schema.GroupVersionResource
}

// readings returns how each kind is read, by name.
func readings() map[string]reading {
	return map[string]reading{
		"Ingress": {
			typed(func(c kubernetes.Interface, namespace string) lister[*networkingv1.IngressList] {
				return c.NetworkingV1().Ingresses(namespace)
			}), &networkingv1.Ingress{}, trimmed(trimIngress), false, nil,
		},
		"IngressClass": {
			typed(func(c kubernetes.Interface, _ string) lister[*networkingv1.IngressClassList] {
				return c.NetworkingV1().IngressClasses()
			}), &networkingv1.IngressClass{}, trimmed(func(_ *Cluster, o *networkingv1.IngressClass) { o.ObjectMeta = trimMeta(&o.ObjectMeta) }), false, nil,
		},
		"Service": {
			typed(func(c kubernetes.Interface, namespace string) lister[*corev1.ServiceList] {
				return c.CoreV1().Services(namespace)
			}), &corev1.Service{}, trimmed(trimService), false, nil,
		},
		"EndpointSlice": {
			typed(func(c kubernetes.Interface, namespace string) lister[*discoveryv1.EndpointSliceList] {
				return c.DiscoveryV1().EndpointSlices(namespace)
			}), &discoveryv1.EndpointSlice{}, trimmed(trimSlice), false, nil,
		},
		"Secret": {listSecrets(), &corev1.Secret{}, trimmed(trimSecret), false, nil},
		"Namespace": {
			typed(func(c kubernetes.Interface, _ string) lister[*corev1.NamespaceList] { return c.CoreV1().Namespaces() }),
			&corev1.Namespace{}, trimmed(trimNamespace), false, nil,
		},
		"ConfigMap": {
			typed(func(c kubernetes.Interface, namespace string) lister[*corev1.ConfigMapList] {
				return c.CoreV1().ConfigMaps(namespace)
			}), &corev1.ConfigMap{}, trimmed(func(_ *Cluster, o *corev1.ConfigMap) { o.ObjectMeta = trimMeta(&o.ObjectMeta) }), false, nil,
		},
		"Node": {
			typed(func(c kubernetes.Interface, _ string) lister[*corev1.NodeList] { return c.CoreV1().Nodes() }),
			&corev1.Node{}, trimmed(trimNode), true, nil,
		},
		"DNSEndpoint":      {listDNSEndpoints, dnsEndpointExample(), trimDNSEndpoint, true, &objects.DNSEndpointResource},
		objects.StoredKind: {listSecrets(), &corev1.Secret{}, trimStored, false, nil},
	}
}

// lister is the common interface of client-go's typed clients.
type lister[L runtime.Object] interface {
	List(ctx context.Context, options metav1.ListOptions) (L, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// typed lists and watches by a typed client.
func typed[L runtime.Object](client func(c kubernetes.Interface, namespace string) lister[L]) func(*Cluster, feedKey, func(error)) cache.ListerWatcher {
	return func(c *Cluster, key feedKey, noted func(error)) cache.ListerWatcher {
		return cache.ToListWatcherWithWatchListSemantics(newListWatch(client(c.Client, key.namespace), key.selection(), noted), c.Client)
	}
}

func listSecrets() func(*Cluster, feedKey, func(error)) cache.ListerWatcher {
	return typed(func(c kubernetes.Interface, namespace string) lister[*corev1.SecretList] {
		return c.CoreV1().Secrets(namespace)
	})
}

func listDNSEndpoints(c *Cluster, key feedKey, noted func(error)) cache.ListerWatcher {
	lw := newListWatch(c.Cfg.Custom.Resource(objects.DNSEndpointResource).Namespace(key.namespace), key.selection(), noted)
	return cache.ToListWatcherWithWatchListSemantics(lw, c.Cfg.Custom)
}

func dnsEndpointExample() runtime.Object {
	example := &unstructured.Unstructured{}
	example.SetGroupVersionKind(objects.DNSEndpointResource.GroupVersion().WithKind("DNSEndpoint"))
	return example
}

// newListWatch lists and watches with the selectors of selection.
func newListWatch[L runtime.Object](client lister[L], selection metav1.ListOptions, noted func(error)) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.FieldSelector, options.LabelSelector = selection.FieldSelector, selection.LabelSelector
			list, err := client.List(ctx, options)
			noted(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.FieldSelector, options.LabelSelector = selection.FieldSelector, selection.LabelSelector
			w, err := client.Watch(ctx, options)
			noted(err)
			return w, err
		},
	}
}

// trimmed trims an object of one type.
func trimmed[T metav1.Object](trim func(c *Cluster, object T)) func(*Cluster, any) (metav1.Object, error) {
	return func(c *Cluster, object any) (metav1.Object, error) {
		typed, ok := object.(T)
		if !ok {
			return nil, fmt.Errorf("got a %T, expected a %T", object, typed)
		}
		trim(c, typed)
		return typed, nil
	}
}

// trimIngress keeps of the managed fields only those of the gateway, from which the
// Reporter knows what it wrote, maybe long ago.
func trimIngress(c *Cluster, o *networkingv1.Ingress) {
	own := ownEntry(o.ManagedFields, c.FieldManager())
	o.ObjectMeta = trimMeta(&o.ObjectMeta)
	o.ManagedFields = own
}

func trimService(_ *Cluster, o *corev1.Service) {
	o.ObjectMeta = trimMeta(&o.ObjectMeta)
	o.Labels, o.Annotations = nil, annotationsKept(o.Annotations, annotations.KeepsOfService)
	o.Spec = corev1.ServiceSpec{Type: o.Spec.Type, ExternalName: o.Spec.ExternalName, Ports: o.Spec.Ports, ClusterIPs: o.Spec.ClusterIPs,
		ExternalIPs: o.Spec.ExternalIPs, ExternalTrafficPolicy: o.Spec.ExternalTrafficPolicy}
	o.Status = corev1.ServiceStatus{LoadBalancer: o.Status.LoadBalancer}
}

func trimSlice(_ *Cluster, o *discoveryv1.EndpointSlice) {
	service, annotations := o.Labels[discoveryv1.LabelServiceName], onlyAnnotation(o.Annotations, annotations.WeightAnnotation)
	o.ObjectMeta = trimMeta(&o.ObjectMeta)
	o.Annotations, o.Labels = annotations, map[string]string{discoveryv1.LabelServiceName: service}
	for i := range o.Endpoints {
		e := &o.Endpoints[i]
		*e = discoveryv1.Endpoint{Addresses: e.Addresses, Conditions: e.Conditions, Hints: e.Hints, Hostname: e.Hostname, NodeName: shared(e.NodeName)}
	}
}

// shared returns an equal text that all callers share: thousands of endpoints name a
// few nodes.
func shared(text *string) *string {
	if text == nil {
		return nil
	}
	one := unique.Make(*text).Value()
	return &one
}

// trimNode keeps the addresses, which seldom change, while a node's status is written
// every few minutes.
func trimNode(_ *Cluster, o *corev1.Node) {
	o.ObjectMeta = trimMeta(&o.ObjectMeta)
	o.Labels, o.Annotations = nil, nil
	o.Spec, o.Status = corev1.NodeSpec{}, corev1.NodeStatus{Addresses: o.Status.Addresses}
	var text []byte
	for _, address := range o.Status.Addresses {
		text = fmt.Appendf(text, "%s %s\n", address.Type, address.Address)
	}
	o.ResourceVersion = objects.HashOf(text)
}

func trimSecret(_ *Cluster, o *corev1.Secret) {
	o.ObjectMeta = trimMeta(&o.ObjectMeta)
	o.Labels, o.Annotations = nil, onlyAnnotation(o.Annotations, objects.CertificateName)
}

// trimStored keeps the items of the Store that all replicas serve.
func trimStored(c *Cluster, object any) (metav1.Object, error) {
	secret, err := trimmed(trimSecret)(c, object)
	if err != nil {
		return nil, err
	}
	if item, own := strings.CutPrefix(secret.GetName(), c.Cfg.Name+"-"); !own || !gatelodge.IsServedItem(item) {
		return nil, nil
	}
	return secret, nil
}

func trimNamespace(_ *Cluster, o *corev1.Namespace) {
	annotations := annotationsKept(o.Annotations, annotations.KeepsOfNamespace)
	o.ObjectMeta = trimMeta(&o.ObjectMeta)
	o.Labels, o.Annotations = nil, annotations
	o.Spec, o.Status = corev1.NamespaceSpec{}, corev1.NamespaceStatus{}
}

func trimDNSEndpoint(_ *Cluster, object any) (metav1.Object, error) {
	var e *objects.DNSEndpoint
	switch o := object.(type) {
	case *unstructured.Unstructured:
		e = objects.ReadUnstructured(o)
	case *objects.DNSEndpoint:
		return o, nil
	default:
		return nil, fmt.Errorf("got a %T, expected a DNSEndpoint", object)
	}
	e.ObjectMeta = trimMeta(&e.ObjectMeta)
	e.Labels, e.Annotations = nil, annotationsKept(e.Annotations, annotations.KeepsOfDNSEndpoint)
	return e, nil
}

// onlyAnnotation keeps one annotation, nil for none.
func onlyAnnotation(annotations map[string]string, key string) map[string]string {
	if value, ok := annotations[key]; ok {
		return map[string]string{key: value}
	}
	return nil
}

// annotationsKept keeps the annotations that are read, nil for none.
func annotationsKept(annotations map[string]string, keep func(key string) bool) map[string]string {
	var kept map[string]string
	for key, value := range annotations {
		if keep(key) {
			if kept == nil {
				kept = make(map[string]string)
			}
			kept[key] = value
		}
	}
	return kept
}

// trimMeta keeps the identity and the version of objects, their age, labels and
// annotations.
func trimMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	if _, ok := m.Annotations[corev1.LastAppliedConfigAnnotation]; ok {
		m.Annotations = maps.Clone(m.Annotations)
		delete(m.Annotations, corev1.LastAppliedConfigAnnotation)
	}
	return metav1.ObjectMeta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion,
		CreationTimestamp: m.CreationTimestamp, Labels: m.Labels, Annotations: m.Annotations,
	}
}

// ownEntry keeps the entry of the manager's fields in status.
func ownEntry(entries []metav1.ManagedFieldsEntry, manager string) []metav1.ManagedFieldsEntry {
	for _, e := range entries {
		if e.Manager == manager && e.Subresource == "status" {
			return []metav1.ManagedFieldsEntry{{Manager: manager, Subresource: e.Subresource, Operation: e.Operation}}
		}
	}
	return nil
}

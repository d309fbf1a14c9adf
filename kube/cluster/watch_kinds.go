package cluster

import (
	"context"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// feedKind is a kind of object that is watched.
type feedKind uint8

const (
	ingressFeed feedKind = iota
	classFeed
	serviceFeed
	sliceFeed
	tlsSecretFeed // Secrets of type kubernetes.io/tls
	secretFeed    // a Secret of whatever type, by name
	namespaceFeed
	storedFeed // Secrets of the gateway's own Store
	dnsEndpointFeed
	configMapFeed // by name
)

// String names the resource, as messages and RBAC do.
func (k feedKind) String() string {
	return [...]string{"ingresses", "ingressclasses", "services", "endpointslices", "secrets of type kubernetes.io/tls", "secrets", "namespaces", "own secrets", "dnsendpoints", "configmaps"}[k]
}

// feedKey names what one list and watch is about.
type feedKey struct {
	kind      feedKind
	namespace string // "": all, or the kind has none
	name      string // "": all
	labels    string // label selector; "": all
}

// String says what is watched, to complete "watch …".
func (k feedKey) String() string {
	text := k.kind.String()
	if k.name != "" {
		text += " " + k.name
	}
	if k.namespace != "" {
		text += " in namespace " + k.namespace
	}
	return text
}

// selection selects on the server. The name comes from annotations, so it is
// escaped.
func (k feedKey) selection() metav1.ListOptions {
	switch {
	case k.name != "":
		return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, k.name).String()}
	case k.kind == tlsSecretFeed:
		return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("type", string(corev1.SecretTypeTLS)).String()}
	}
	return metav1.ListOptions{LabelSelector: k.labels}
}

// example returns an empty object of the kind.
func (k feedKind) example() runtime.Object {
	switch k {
	case ingressFeed:
		return &networkingv1.Ingress{}
	case classFeed:
		return &networkingv1.IngressClass{}
	case serviceFeed:
		return &corev1.Service{}
	case sliceFeed:
		return &discoveryv1.EndpointSlice{}
	case namespaceFeed:
		return &corev1.Namespace{}
	case configMapFeed:
		return &corev1.ConfigMap{}
	case dnsEndpointFeed:
		example := &unstructured.Unstructured{}
		example.SetGroupVersionKind(objects.DNSEndpointResource.GroupVersion().WithKind("DNSEndpoint"))
		return example
	}
	return &corev1.Secret{}
}

// lister is what client-go's typed clients have in common.
type lister[L runtime.Object] interface {
	List(ctx context.Context, options metav1.ListOptions) (L, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// listWatch returns how the key's objects are listed and watched. noted is
// called with the outcome of each request.
func (k feedKey) listWatch(c *Cluster, noted func(error)) cache.ListerWatcher {
	if k.kind == dnsEndpointFeed {
		lw := newListWatch(c.Cfg.Custom.Resource(objects.DNSEndpointResource).Namespace(k.namespace), k.selection(), noted)
		return cache.ToListWatcherWithWatchListSemantics(lw, c.Cfg.Custom)
	}
	client := c.Client
	var lw *cache.ListWatch
	switch k.kind {
	case ingressFeed:
		lw = newListWatch(client.NetworkingV1().Ingresses(k.namespace), k.selection(), noted)
	case classFeed:
		lw = newListWatch(client.NetworkingV1().IngressClasses(), k.selection(), noted)
	case serviceFeed:
		lw = newListWatch(client.CoreV1().Services(k.namespace), k.selection(), noted)
	case sliceFeed:
		lw = newListWatch(client.DiscoveryV1().EndpointSlices(k.namespace), k.selection(), noted)
	case configMapFeed:
		lw = newListWatch(client.CoreV1().ConfigMaps(k.namespace), k.selection(), noted)
	case namespaceFeed:
		lw = newListWatch(client.CoreV1().Namespaces(), k.selection(), noted)
	default:
		lw = newListWatch(client.CoreV1().Secrets(k.namespace), k.selection(), noted)
	}
	return cache.ToListWatcherWithWatchListSemantics(lw, client)
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

// trim drops what Build does not read, which is most of what the API server
// sends: a large cluster's endpoints would take many times the memory.
// Of the managers of an Ingress's fields it leaves the gateway itself, by which
// the Reporter knows what it wrote there, maybe long ago.
func trim(manager string) cache.TransformFunc {
	return func(object any) (any, error) {
		switch o := object.(type) {
		case *networkingv1.Ingress:
			own := ownEntry(o.ManagedFields, manager)
			o.ObjectMeta = trimMeta(&o.ObjectMeta)
			o.ManagedFields = own
		case *networkingv1.IngressClass:
			o.ObjectMeta = trimMeta(&o.ObjectMeta)
		case *corev1.Service:
			o.ObjectMeta = trimMeta(&o.ObjectMeta)
			o.Labels, o.Annotations = nil, recordAnnotations(o.Annotations)
			o.Spec = corev1.ServiceSpec{Type: o.Spec.Type, ExternalName: o.Spec.ExternalName, Ports: o.Spec.Ports, ClusterIPs: o.Spec.ClusterIPs}
			o.Status = corev1.ServiceStatus{LoadBalancer: o.Status.LoadBalancer}
		case *discoveryv1.EndpointSlice:
			service := o.Labels[discoveryv1.LabelServiceName]
			o.ObjectMeta = trimMeta(&o.ObjectMeta)
			o.Annotations, o.Labels = nil, map[string]string{discoveryv1.LabelServiceName: service}
			for i := range o.Endpoints {
				e := &o.Endpoints[i]
				*e = discoveryv1.Endpoint{Addresses: e.Addresses, Conditions: e.Conditions, Hints: e.Hints}
			}
		case *corev1.Secret:
			o.ObjectMeta = trimMeta(&o.ObjectMeta)
			o.Labels, o.Annotations = nil, nil
		case *corev1.ConfigMap:
			o.ObjectMeta = trimMeta(&o.ObjectMeta)
		case *unstructured.Unstructured:
			e := objects.ReadUnstructured(o)
			e.ObjectMeta = trimMeta(&e.ObjectMeta)
			e.Labels, e.Annotations = nil, recordAnnotations(e.Annotations)
			return e, nil
		case *corev1.Namespace:
			limit, limited := o.Annotations[intent.DomainsAnnotation]
			o.ObjectMeta = trimMeta(&o.ObjectMeta)
			o.Labels, o.Annotations = nil, nil
			if limited {
				o.Annotations = map[string]string{intent.DomainsAnnotation: limit}
			}
			o.Spec, o.Status = corev1.NamespaceSpec{}, corev1.NamespaceStatus{}
		}
		return object, nil
	}
}

// recordAnnotations leaves those of ExternalDNS, nil for none.
func recordAnnotations(annotations map[string]string) map[string]string {
	var kept map[string]string
	for key, value := range annotations {
		if strings.HasPrefix(key, intent.ExternalDNSPrefix) || strings.HasPrefix(key, intent.ExternalDNSAlpha) {
			if kept == nil {
				kept = make(map[string]string)
			}
			kept[key] = value
		}
	}
	return kept
}

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

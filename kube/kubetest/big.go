package kubetest

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// BigCluster is 10,000 Ingresses of one host each with TLS, in 200 namespaces,
// over 2,000 Services.
func BigCluster(b *testing.B) (objects.Objects, *objects.Config) {
	b.Helper()
	o := objects.Objects{Now: Now}
	meta := func(kind, namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(kind + namespace + name), ResourceVersion: "1",
			CreationTimestamp: metav1.NewTime(Now.Add(-time.Hour)),
		}
	}
	for n := range 200 {
		namespace := fmt.Sprint("team", n)
		for s := range 10 {
			name := fmt.Sprint("service", s)
			o.Services = objects.WithObjects(o.Services, &corev1.Service{
				ObjectMeta: meta("Service", namespace, name),
				Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
			})
			o.Slices = objects.WithObjects(o.Slices, BigSlice(meta("EndpointSlice", namespace, name), name, 5))
		}
		o.Secrets = objects.WithObjects(o.Secrets, &corev1.Secret{ObjectMeta: meta("Secret", namespace, "unread")})
		for i := range 50 {
			o.Ingresses = objects.WithObjects(o.Ingresses, BigIngress(meta("Ingress", namespace, fmt.Sprint("app", i)), i))
		}
	}
	return o, &objects.Config{
		WithoutClass: true,
		Views:        []objects.ViewConfig{{Name: "default", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}},
		Zones:        []objects.ZoneConfig{{Name: "example.com", Nameservers: []gatelodge.Name{"ns1.example.com"}, TTL: time.Minute, Views: []string{"default"}}},
	}
}

// BigIngress is an Ingress of one host, under its name and namespace, with two
// paths to Service i modulo 10.
func BigIngress(meta metav1.ObjectMeta, i int) *networkingv1.Ingress {
	in := &networkingv1.Ingress{ObjectMeta: meta}
	host := meta.Name + "." + meta.Namespace + ".example.com"
	in.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{host}}}
	in.Spec.Rules = []networkingv1.IngressRule{{Host: host}}
	in.Spec.Rules[0].HTTP = &networkingv1.HTTPIngressRuleValue{}
	for _, path := range []string{"/", "/api"} {
		in.Spec.Rules[0].HTTP.Paths = append(in.Spec.Rules[0].HTTP.Paths, networkingv1.HTTPIngressPath{
			Path: path, PathType: new(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
				Name: fmt.Sprint("service", i%10), Port: networkingv1.ServiceBackendPort{Number: 80},
			}},
		})
	}
	return in
}

// BigSlice is the EndpointSlice of a Service with so many endpoints.
func BigSlice(meta metav1.ObjectMeta, service string, endpoints int) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta, Ports: []discoveryv1.EndpointPort{{Port: new(int32(8080))}}}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: service}
	for e := range endpoints {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", e+1)}})
	}
	return slice
}

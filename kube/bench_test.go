package kube

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// bigCluster is 10,000 Ingresses of one host each with TLS, in 200 namespaces,
// over 2,000 Services.
func bigCluster(b *testing.B) (Objects, *Config) {
	b.Helper()
	o := Objects{Now: testNow}
	meta := func(kind, namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{
			Namespace: namespace, Name: name, UID: types.UID(kind + namespace + name), ResourceVersion: "1",
			CreationTimestamp: metav1.NewTime(testNow.Add(-time.Hour)),
		}
	}
	for n := range 200 {
		namespace := fmt.Sprint("team", n)
		for s := range 10 {
			name := fmt.Sprint("service", s)
			o.Services = append(o.Services, &corev1.Service{
				ObjectMeta: meta("Service", namespace, name),
				Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
			})
			o.Slices = append(o.Slices, bigSlice(meta("EndpointSlice", namespace, name), name, 5))
		}
		o.Secrets = append(o.Secrets, &corev1.Secret{ObjectMeta: meta("Secret", namespace, "unread")})
		for i := range 50 {
			o.Ingresses = append(o.Ingresses, bigIngress(meta("Ingress", namespace, fmt.Sprint("app", i)), i))
		}
	}
	return o, &Config{
		WithoutClass: true,
		Views:        []ViewConfig{{Name: "default", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}},
		Zones:        []ZoneConfig{{Name: "example.com", Nameservers: []gatelodge.Name{"ns1.example.com"}, TTL: time.Minute, Views: []string{"default"}}},
	}
}

func bigIngress(meta metav1.ObjectMeta, i int) *networkingv1.Ingress {
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

func bigSlice(meta metav1.ObjectMeta, service string, endpoints int) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta, Ports: []discoveryv1.EndpointPort{{Port: new(int32(8080))}}}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: service}
	for e := range endpoints {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", e+1)}})
	}
	return slice
}

func BenchmarkBuildCold(b *testing.B) {
	objects, cfg := bigCluster(b)
	for b.Loop() {
		new(Builder).Build(objects, cfg)
	}
}

// BenchmarkBuildOneEdit moves one Ingress to another host in each build.
func BenchmarkBuildOneEdit(b *testing.B) {
	objects, cfg := bigCluster(b)
	var builder Builder
	builder.Build(objects, cfg)
	n := 0
	for b.Loop() {
		n++
		objects.Ingresses = slices.Clone(objects.Ingresses)
		edited := *objects.Ingresses[5000]
		edited.ResourceVersion = strconv.Itoa(n + 1)
		edited.Spec.Rules = slices.Clone(edited.Spec.Rules)
		edited.Spec.Rules[0].Host = fmt.Sprintf("moved%d.team7.example.com", n)
		objects.Ingresses[5000] = &edited
		builder.Build(objects, cfg)
	}
}

// BenchmarkBuildOneEndpointChange replaces one EndpointSlice in each build.
func BenchmarkBuildOneEndpointChange(b *testing.B) {
	objects, cfg := bigCluster(b)
	var builder Builder
	builder.Build(objects, cfg)
	n := 0
	for b.Loop() {
		n++
		objects.Slices = slices.Clone(objects.Slices)
		meta := objects.Slices[700].ObjectMeta
		meta.ResourceVersion = strconv.Itoa(n + 1)
		objects.Slices[700] = bigSlice(meta, meta.Labels[discoveryv1.LabelServiceName], 1+n%5)
		builder.Build(objects, cfg)
	}
}

// BenchmarkGuardOneEdit is BenchmarkBuildOneEdit with a Guard, to which each
// edit is a host that went and one that came.
func BenchmarkGuardOneEdit(b *testing.B) {
	objects, cfg := bigCluster(b)
	cfg.Guard = guardDefaults
	guard := &Guard{Log: slog.New(slog.DiscardHandler)}
	guard.Build(objects, cfg)
	n := 0
	for b.Loop() {
		n++
		objects.Now = objects.Now.Add(100 * time.Millisecond)
		objects.Ingresses = slices.Clone(objects.Ingresses)
		edited := *objects.Ingresses[5000]
		edited.ResourceVersion = strconv.Itoa(n + 1)
		edited.Spec.Rules = slices.Clone(edited.Spec.Rules)
		edited.Spec.Rules[0].Host = fmt.Sprintf("moved%d.team7.example.com", n)
		objects.Ingresses[5000] = &edited
		guard.Build(objects, cfg)
	}
}

// BenchmarkGuardOneEndpointChange is BenchmarkBuildOneEndpointChange with a
// Guard.
func BenchmarkGuardOneEndpointChange(b *testing.B) {
	objects, cfg := bigCluster(b)
	cfg.Guard = guardDefaults
	guard := &Guard{Log: slog.New(slog.DiscardHandler)}
	guard.Build(objects, cfg)
	n := 0
	for b.Loop() {
		n++
		objects.Now = objects.Now.Add(100 * time.Millisecond)
		objects.Slices = slices.Clone(objects.Slices)
		meta := objects.Slices[700].ObjectMeta
		meta.ResourceVersion = strconv.Itoa(n + 1)
		objects.Slices[700] = bigSlice(meta, meta.Labels[discoveryv1.LabelServiceName], 1+n%5)
		guard.Build(objects, cfg)
	}
}

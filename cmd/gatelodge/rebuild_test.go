package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strconv"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"gatelodge.dev/kube/objects"
)

// bigCluster is so many Ingresses with a certificate each: 50 and 10 Services in
// each namespace.
func bigCluster(b *testing.B, ingresses int) objects.Objects {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	o := objects.Objects{Now: time.Now()}
	for n := range ingresses / 50 {
		meta := func(name string) metav1.ObjectMeta {
			return metav1.ObjectMeta{
				Namespace: fmt.Sprint("team", n), Name: name, UID: types.UID(fmt.Sprint(name, " ", n)), ResourceVersion: "1",
				CreationTimestamp: metav1.NewTime(o.Now.Add(-time.Hour)),
			}
		}
		for s := range 10 {
			service := &corev1.Service{ObjectMeta: meta(fmt.Sprint("service", s))}
			service.Spec.Ports = []corev1.ServicePort{{Port: 80}}
			o.Services = objects.WithObjects(o.Services, service)
			slice := &discoveryv1.EndpointSlice{ObjectMeta: meta(service.Name), Ports: []discoveryv1.EndpointPort{{Port: new(int32(8080))}}}
			slice.Labels = map[string]string{discoveryv1.LabelServiceName: service.Name}
			for e := range 5 {
				slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", n%200, n/200*10+s, e+1)}})
			}
			o.Slices = objects.WithObjects(o.Slices, slice)
		}
		for i := range 50 {
			in := &networkingv1.Ingress{ObjectMeta: meta(fmt.Sprint("app", i))}
			host := fmt.Sprintf("app%d.team%d.example.com", i, n)
			in.Spec.TLS = []networkingv1.IngressTLS{{SecretName: in.Name}}
			rule := networkingv1.IngressRule{Host: host}
			rule.HTTP = new(networkingv1.HTTPIngressRuleValue)
			for p, path := range []string{"/", "/api"} {
				rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{
					Path: path, PathType: new(networkingv1.PathTypePrefix),
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
						Name: fmt.Sprint("service", (i+p)%10), Port: networkingv1.ServiceBackendPort{Number: 80},
					}},
				})
			}
			in.Spec.Rules = []networkingv1.IngressRule{rule}
			o.Ingresses = objects.WithObjects(o.Ingresses, in)
			o.Secrets = objects.WithObjects(o.Secrets, tlsSecret(b, meta(in.Name), key, host))
		}
	}
	return o
}

// tlsSecret holds a certificate for a host and the names one label below it.
func tlsSecret(b *testing.B, meta metav1.ObjectMeta, key *ecdsa.PrivateKey, host string) *corev1.Secret {
	b.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host, "*." + host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	return &corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeTLS, Data: map[string][]byte{
		corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}}
}

// bigGateway serves a bigCluster.
func bigGateway(b *testing.B, ingresses int) (*gateway, objects.Objects) {
	b.Helper()
	objects := bigCluster(b, ingresses)
	cfg, err := parseConfig([]byte(`
apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
views: [{name: default, addresses: [192.0.2.1]}]
dns: {addresses: [192.0.2.53], zones: [{name: example.com, nameservers: [ns1]}]}
ingress: {withoutClass: true}
`), "gateway.yaml")
	if err != nil {
		b.Fatal(err)
	}
	g := newGateway(cfg, nil, io.Discard, slog.New(slog.DiscardHandler))
	g.rebuild(objects, time.Now())
	for p := range g.metrics.live.Load().Problems.All() {
		b.Fatal(p)
	}
	return g, objects
}

// benchmarkRebuild repeats a change of the objects, up to the live tables, in a
// small and in a large cluster: it should cost the same.
func benchmarkRebuild(b *testing.B, change func(o *objects.Objects, n int)) {
	for _, ingresses := range []int{2000, 20000} {
		b.Run(fmt.Sprint(ingresses), func(b *testing.B) {
			g, objects := bigGateway(b, ingresses)
			measureCPU(b, func(n int) {
				change(&objects, n)
				g.rebuild(objects, time.Now())
			})
		})
	}
}

// measureCPU repeats f and measures its CPU time in all threads: that includes
// garbage collection, but not other processes.
func measureCPU(b *testing.B, f func(n int)) {
	b.ReportAllocs()
	n, before := 0, cpuTime(b)
	for b.Loop() {
		n++
		f(n)
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(n), "cpu-ms/op")
}

// cpuTime returns this process's user and system time.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkRebuildOneEdit moves one Ingress to another host.
func BenchmarkRebuildOneEdit(b *testing.B) {
	benchmarkRebuild(b, func(o *objects.Objects, n int) {
		edited := o.Ingresses.Get(objects.Key{Namespace: fmt.Sprint("team", n*79%(o.Ingresses.Len()/50)), Name: fmt.Sprint("app", n%50)}).DeepCopy()
		edited.ResourceVersion = strconv.Itoa(n + 1)
		edited.Spec.Rules[0].Host = fmt.Sprintf("moved%d.%s.%s.example.com", n, edited.Name, edited.Namespace)
		o.Ingresses = objects.WithObjects(o.Ingresses, edited)
	})
}

// BenchmarkRebuildOneEndpointChange gives one Service other endpoints.
func BenchmarkRebuildOneEndpointChange(b *testing.B) {
	benchmarkRebuild(b, func(o *objects.Objects, n int) {
		changed := o.Slices.Get(objects.Key{Namespace: fmt.Sprint("team", n*79%(o.Services.Len()/10)), Name: fmt.Sprint("service", n%10)}).DeepCopy()
		changed.ResourceVersion = strconv.Itoa(n + 1)
		changed.Endpoints[0].Addresses[0] = fmt.Sprintf("10.250.%d.%d", n/250%250, n%250+1)
		o.Slices = objects.WithObjects(o.Slices, changed)
	})
}

package kube_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	"k8s.io/client-go/kubernetes"

	"golang.org/x/sync/errgroup"

	"gatelodge.dev/e2e/apiserver"
)

// What is in a namespace: Ingresses with a host, two paths and a certificate of
// their own each, and Services.
const (
	services  = 10
	ingresses = 50
	endpoints = 5  // of a Service
	writers   = 16 // requests to the API server at a time while it is filled
)

// backendPort is where the endpoints of every Service listen.
const backendPort = 18080

func namespaceName(n int) string { return fmt.Sprintf("team%d", n) }
func serviceName(s int) string   { return fmt.Sprintf("service%d", s) }
func ingressName(i int) string   { return fmt.Sprintf("app%d", i) }

// hostName is the host that an Ingress has at first.
func hostName(n, i int) string {
	return fmt.Sprintf("%s.%s.example.test", ingressName(i), namespaceName(n))
}

// world makes the objects.
type world struct {
	namespaces int
	client     kubernetes.Interface
	ca         *authority
}

// fill makes all objects of the cluster.
func (w *world) fill(b *testing.B) {
	b.Helper()
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(writers)
	for n := range w.namespaces {
		group.Go(func() error { return w.fillNamespace(ctx, n) })
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func (w *world) fillNamespace(ctx context.Context, n int) error {
	namespace := namespaceName(n)
	if _, err := w.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	for s := range services {
		if _, err := w.client.CoreV1().Services(namespace).Create(ctx, service(s), metav1.CreateOptions{}); err != nil {
			return err
		}
		if _, err := w.client.DiscoveryV1().EndpointSlices(namespace).Create(ctx, slice(n, s, endpoints), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	for i := range ingresses {
		secret, err := w.ca.secret(ingressName(i), hostName(n, i))
		if err != nil {
			return err
		}
		if _, err := w.client.CoreV1().Secrets(namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
			return err
		}
		if _, err := w.client.NetworkingV1().Ingresses(namespace).Create(ctx, ingress(n, i), metav1.CreateOptions{}); err != nil {
			return err
		}
		if *told {
			if err := w.tell(ctx, namespace, ingressName(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell writes the status that the gateway would.
func (w *world) tell(ctx context.Context, namespace, name string) error {
	status := networkingv1ac.Ingress(name, namespace).WithStatus(networkingv1ac.IngressStatus().WithLoadBalancer(
		networkingv1ac.IngressLoadBalancerStatus().WithIngress(networkingv1ac.IngressLoadBalancerIngress().WithIP(announced))))
	_, err := w.client.NetworkingV1().Ingresses(namespace).ApplyStatus(ctx, status, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	return err
}

func service(s int) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: serviceName(s)},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, // the range for others is too small
			Ports:     []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(backendPort)}},
		},
	}
}

// slice has the first count of a Service's endpoints.
func slice(n, s, count int) *discoveryv1.EndpointSlice {
	eps := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: serviceName(s), Labels: map[string]string{discoveryv1.LabelServiceName: serviceName(s)}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Port: new(int32(backendPort))}},
	}
	for e := range count {
		address := apiserver.Address((n*services+s)*endpoints + e)
		eps.Endpoints = append(eps.Endpoints, discoveryv1.Endpoint{Addresses: []string{address.String()}})
	}
	return eps
}

func ingress(n, i int) *networkingv1.Ingress {
	host, class := hostName(n, i), "gatelodge"
	in := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Name: ingressName(i)}}
	in.Spec.IngressClassName = &class
	in.Spec.TLS = []networkingv1.IngressTLS{{SecretName: ingressName(i)}}
	rule := networkingv1.IngressRule{Host: host}
	rule.HTTP = new(networkingv1.HTTPIngressRuleValue)
	for p, path := range []string{"/", "/api"} {
		rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{
			Path: path, PathType: new(networkingv1.PathTypePrefix),
			Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
				Name: serviceName((i + p) % services), Port: networkingv1.ServiceBackendPort{Number: 80},
			}},
		})
	}
	in.Spec.Rules = []networkingv1.IngressRule{rule}
	return in
}

// authority signs the certificates of the Ingresses.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key}, err
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// secret makes a certificate for a host and the names one label below it.
func (a *authority) secret(name, host string) (*corev1.Secret, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{host, "*." + host},
		NotBefore: a.certificate.NotBefore, NotAfter: a.certificate.NotAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Type:       corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		},
	}, nil
}

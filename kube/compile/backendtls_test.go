package compile

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// TestBackendTLSIsKept: connections are made anew for another BackendTLS, so
// one lasts as long as the keys in its Secret, whatever happens to the endpoints.
func TestBackendTLSIsKept(t *testing.T) {
	meta := func(name string, version int) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), ResourceVersion: fmt.Sprint(version)}
	}
	secret := func(version, years int) *corev1.Secret {
		s := kubetest.TLSSecret(t, "shop/ca", []string{"ca.example.com"}, kubetest.Now, kubetest.Now.AddDate(years, 0, 0))
		s.ResourceVersion = fmt.Sprint(version)
		return s
	}
	in := kubetest.BigIngress(meta("web", 1), 0)
	in.Annotations = map[string]string{
		annotations.OwnPrefix + "proxy-ssl-verify": "on", annotations.OwnPrefix + "proxy-ssl-secret": "ca",
	}
	service := &corev1.Service{ObjectMeta: meta("service0", 1), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80, AppProtocol: new("https")}}}}
	objs := objects.Objects{
		Ingresses: objects.TableOf(in), Services: objects.TableOf(service), Secrets: objects.TableOf(secret(1, 1)),
		Slices: objects.TableOf(kubetest.BigSlice(meta("slice", 1), "service0", 1)), Now: kubetest.Now,
	}
	cfg := &objects.Config{WithoutClass: true}
	var b Builder
	build := func() *gatelodge.BackendTLS {
		for _, backend := range b.Build(objs, cfg).Backends.All() {
			return backend.TLS
		}
		return nil
	}

	first := build()
	if first == nil || len(first.Roots) != 1 || first.VerifyName != "service0.shop.svc" {
		t.Fatalf("TLS to the backend: %v", first)
	}
	objs.Slices = objects.TableOf(kubetest.BigSlice(meta("slice", 2), "service0", 3))
	if build() != first {
		t.Error("other endpoints, and TLS was made anew")
	}
	objs.Secrets = objects.TableOf(secret(2, 1))
	if build() != first {
		t.Error("the same keys in a new version of the Secret, and TLS was made anew")
	}
	objs.Secrets = objects.TableOf(secret(3, 2))
	if build() == first {
		t.Error("other keys, and TLS is the same")
	}
}

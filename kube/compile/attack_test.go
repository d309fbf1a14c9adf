package compile

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// cpuTime returns the process's time so far.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// named lists names, separated by commas.
func named(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// evilMeta is that of an object of namespace evil.
func evilMeta(kind, name string, annotations map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "evil", Name: name, UID: types.UID(kind + name), ResourceVersion: "1",
		CreationTimestamp: metav1.NewTime(kubetest.Now.Add(-time.Hour)), Annotations: annotations,
	}
}

func evilSecret(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: evilMeta("Secret", name, nil), Data: data}
}

// TestAttackOneObject: whatever an object of the size that the API server takes
// holds, it is worked off in little memory, and so in little time.
func TestAttackOneObject(t *testing.T) {
	alias := func(value string) map[string]string { return map[string]string{"gatelodge.dev/server-alias": value} }
	auth := map[string]string{"nginx.ingress.kubernetes.io/auth-type": "basic", "nginx.ingress.kubernetes.io/auth-secret": "users"}
	ingress := func(name string, annotations map[string]string) *networkingv1.Ingress {
		in := kubetest.BigIngress(evilMeta("Ingress", name, annotations), 0)
		in.Spec.TLS = nil
		return in
	}
	bad := kubetest.TLSSecret(t, "evil/bad", []string{"other.example.net"}, kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour))
	for name, attack := range map[string]func(o *objects.Objects){
		"one alias very often": func(o *objects.Objects) {
			o.Ingresses = objects.TableOf(ingress("in", alias(named(4000, "a%d.test,")+","+strings.Repeat("a3999.test,", 18000))))
		},
		"entries of tls that aliases join": func(o *objects.Objects) {
			in := ingress("in", alias(named(5000, "a%d.test,")))
			for i := range 20000 {
				in.Spec.TLS = append(in.Spec.TLS, networkingv1.IngressTLS{Hosts: []string{"in.evil.example.com"}, SecretName: fmt.Sprint("s", i)})
			}
			o.Ingresses = objects.TableOf(in)
		},
		"entries of tls for every host": func(o *objects.Objects) {
			in := ingress("in", alias(named(199, "a%d.test,")))
			for range 40000 {
				in.Spec.TLS = append(in.Spec.TLS, networkingv1.IngressTLS{SecretName: "bad"})
			}
			o.Ingresses, o.Secrets = objects.TableOf(in), objects.TableOf(bad)
		},
		"hosts of tls": func(o *objects.Objects) {
			in := ingress("in", alias(named(199, "a%d.test,")))
			in.Spec.TLS = []networkingv1.IngressTLS{{SecretName: "none", Hosts: strings.Split(named(60000, "h%d.test,"), ",")}}
			o.Ingresses = objects.TableOf(in)
		},
		"a Service for every path": func(o *objects.Objects) {
			in := ingress("in", nil)
			http := in.Spec.Rules[0].HTTP
			for i := range 2000 {
				path := http.Paths[0]
				path.Path = fmt.Sprint("/p", i)
				path.Backend.Service = &networkingv1.IngressServiceBackend{Name: fmt.Sprint("s", i), Port: networkingv1.ServiceBackendPort{Number: 80}}
				http.Paths = append(http.Paths, path)
			}
			http.Paths = http.Paths[:2000]
			o.Ingresses = objects.TableOf(in)
		},
		"a path very often": func(o *objects.Objects) {
			in := ingress("in", alias(named(199, "a%d.test,")))
			http := in.Spec.Rules[0].HTTP
			for i := range 10000 {
				path := http.Paths[0]
				path.Backend.Service = &networkingv1.IngressServiceBackend{Name: fmt.Sprint("s", i), Port: networkingv1.ServiceBackendPort{Number: 80}}
				http.Paths = append(http.Paths, path)
			}
			o.Ingresses = objects.TableOf(in)
		},
		"names of a Service": func(o *objects.Objects) {
			o.Services = objects.TableOf(&corev1.Service{
				ObjectMeta: evilMeta("Service", "s", map[string]string{"external-dns.alpha.kubernetes.io/hostname": named(20000, "n%d.example.com,")}),
				Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer},
			})
		},
		"records of one name": func(o *objects.Objects) {
			e := &objects.DNSEndpoint{ObjectMeta: evilMeta("DNSEndpoint", "e", nil)}
			for i := range 20000 {
				e.Spec.Endpoints = append(e.Spec.Endpoints, objects.Endpoint{DNSName: "x.example.com", RecordType: "TXT", Targets: []string{fmt.Sprint(i)}})
			}
			o.DNSEndpoints = objects.TableOf(e)
		},
		"users that many Ingresses name": func(o *objects.Objects) {
			for i := range 500 {
				o.Ingresses = objects.WithObjects(o.Ingresses, ingress(fmt.Sprint("in", i), auth))
			}
			o.Secrets = objects.TableOf(evilSecret("users", map[string][]byte{"auth": []byte(named(14000, "user%05d:$2y$05$abcdefghijklmnopqrstuuEOA.4XyCjgRBTmJFnQeoCmhIZKAAQ46\n"))}))
		},
		"bad users": func(o *objects.Objects) {
			for i := range 20 {
				o.Ingresses = objects.WithObjects(o.Ingresses, ingress(fmt.Sprint("in", i), auth))
			}
			o.Secrets = objects.TableOf(evilSecret("users", map[string][]byte{"auth": []byte(named(60000, "user%05d:bad\n"))}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			objs := objects.Objects{Now: kubetest.Now}
			attack(&objs)
			cfg := &objects.Config{WithoutClass: true, Bounds: objects.Bounds{NamesPerIngress: 200, RoutesPerIngress: 2000, BytesPerNamespace: 32 << 20},
				Zones: []objects.ZoneConfig{{Name: "example.com", Nameservers: []gatelodge.Name{"ns1.example.com"}, TTL: time.Minute, Views: []string{"default"}}},
				Views: []objects.ViewConfig{{Name: "default"}},
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := cpuTime(t)
			s := new(Builder).Build(objs, cfg)
			runtime.ReadMemStats(&after)
			used := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%v of CPU time and %d MiB for %d hosts and %d problems", cpuTime(t)-began, used, s.Hosts.Len(), s.Problems.Len())
			if used > 100 {
				t.Errorf("it took %d MiB", used)
			}
			told := make(map[gatelodge.Object]int)
			for p := range s.Problems.All() {
				told[p.Object]++
			}
			for object, n := range told {
				if n > maxShown+1 {
					t.Errorf("%d problems of %s are shown", n, object)
				}
			}
		})
	}
}

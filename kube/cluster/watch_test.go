package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

func TestOnlyWhatIsReadIsWatched(t *testing.T) {
	view := objects.ViewConfig{Name: "default", Service: objects.Key{Namespace: "gatelodge", Name: "gatelodge"}}
	announced := view
	announced.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	for name, test := range map[string]struct {
		cfg  objects.Config
		want []string
	}{
		"every namespace": {objects.Config{Views: []objects.ViewConfig{view}, DefaultBackend: &objects.ServicePort{Namespace: "errors"}},
			[]string{"endpointslices", "ingressclasses", "ingresses", "namespaces", "secrets of type kubernetes.io/tls", "services"}},
		"some namespaces": {objects.Config{Namespaces: []string{"a", "b"}, Views: []objects.ViewConfig{view}},
			[]string{"endpointslices in namespace a", "endpointslices in namespace b", "ingressclasses", "ingresses in namespace a", "ingresses in namespace b", "namespaces a", "namespaces b",
				"secrets of type kubernetes.io/tls in namespace a", "secrets of type kubernetes.io/tls in namespace b",
				"services gatelodge in namespace gatelodge", "services in namespace a", "services in namespace b"}},
		"a namespace, classes by name": {objects.Config{Namespaces: []string{"a"}, Classes: []string{"c"}, Views: []objects.ViewConfig{announced}},
			[]string{"endpointslices in namespace a", "ingresses in namespace a", "namespaces a", "secrets of type kubernetes.io/tls in namespace a", "services in namespace a"}},
		"a default backend elsewhere": {objects.Config{Namespaces: []string{"a"}, Classes: []string{"c"}, DefaultBackend: &objects.ServicePort{Namespace: "errors"}},
			[]string{"endpointslices in namespace a", "endpointslices in namespace errors", "ingresses in namespace a", "namespaces a",
				"secrets of type kubernetes.io/tls in namespace a", "services in namespace a", "services in namespace errors"}},
		"a namespace, certificates are ordered": {objects.Config{Namespaces: []string{"a"}, Classes: []string{"c"}, ACME: &objects.ACMEConfig{}},
			[]string{"endpointslices in namespace a", "ingresses in namespace a", "namespaces a", "own secrets in namespace gatelodge",
				"secrets of type kubernetes.io/tls in namespace a", "services in namespace a"}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := &Cluster{Cfg: Config{Name: "gatelodge", Namespace: "gatelodge"}}
			var got []string
			for _, key := range append(feedsOf(&test.cfg), cluster.storedFeedOf(&test.cfg)...) {
				got = append(got, key.String())
			}
			if slices.Sort(got); !slices.Equal(got, test.want) {
				t.Errorf("watches\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestSecretsByNameAreBounded(t *testing.T) {
	in := &intent.Claimant{}
	in.Object.Namespace = "shop"
	in.TLS = append(in.TLS, intent.TLSEntry{Secret: "known"}, intent.TLSEntry{Secret: "Not,a=Name"}, intent.TLSEntry{})
	for i := range maxNamedSecrets + 50 {
		in.TLS = append(in.TLS, intent.TLSEntry{Secret: fmt.Sprintf("missing-%d", i)})
	}
	other := &intent.Claimant{}
	other.Object.Namespace = "other"
	other.Asked.Auth.Secret, other.Asked.BackendTLS.Secret = "users", "ca"
	known := []metav1.Object{&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "known"}}}
	keys, problems := wantSecrets([]*intent.Claimant{in, in, other}, [][]metav1.Object{known}, nil).feeds(&objects.Config{})
	if len(keys) != maxNamedSecrets+2 || keys[len(keys)-1].namespace != "other" {
		t.Errorf("%d Secrets are watched by name, the last %v", len(keys), keys[len(keys)-1])
	}
	if len(problems) != 1 || problems[0].Object.Name != "shop" {
		t.Errorf("problems %v, want one of namespace shop", problems)
	}
}

// TestConfigurationMovesTheWatch: while another set of namespaces is being
// read, what was read before stays.
func TestConfigurationMovesTheWatch(t *testing.T) {
	class := "ours"
	object := func(namespace string) *networkingv1.Ingress {
		return &networkingv1.Ingress{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web", UID: types.UID(namespace), ResourceVersion: "1",
				ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}},
			Spec: networkingv1.IngressSpec{IngressClassName: &class},
		}
	}
	client := fake.NewClientset(object("a"), object("b"), object("c"))
	cluster := New(client, Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "p", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	var cfg atomic.Pointer[objects.Config]
	cfg.Store(&objects.Config{Namespaces: []string{"a"}, Classes: []string{class}})
	w := cluster.Watch(cfg.Load, nil)
	if missing := w.Waiting(); !strings.Contains(missing, "ingresses in namespace a") {
		t.Errorf("before the start it waits for %q", missing)
	}
	ctx, stop := context.WithCancel(t.Context())
	dirty, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- w.Run(ctx, func() { dirty <- struct{}{} }) }()
	await := func(want string) {
		t.Helper()
		deadline := time.After(time.Minute)
		for {
			got := namespacesOf(w.Objects()) // as a rebuild does after a change of the configuration
			if got == want {
				return
			} else if got == "[]" {
				t.Fatal("nothing is left meanwhile")
			}
			select {
			case <-dirty:
			case <-deadline:
				t.Fatalf("has %s, want %s", got, want)
			}
		}
	}
	<-dirty
	await("[a]")
	if fields := w.Objects().Ingresses.Get(objects.Key{Namespace: "a", Name: "web"}).ManagedFields; len(fields) > 0 {
		t.Errorf("kept what nobody reads: %v", fields)
	}
	cfg.Store(&objects.Config{Namespaces: []string{"b", "c"}, Classes: []string{class}})
	await("[b c]")
	cfg.Store(&objects.Config{})
	await("[a b c]")
	if missing := w.Waiting(); missing != "" {
		t.Errorf("complete, and waits for %q", missing)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestNamespaceThatMayNotBeRead: who keeps to a namespace may lack the right to
// read that object itself, is told so, and serves.
func TestNamespaceThatMayNotBeRead(t *testing.T) {
	client := fake.NewClientset(&networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "web", UID: "a", ResourceVersion: "1"}})
	client.PrependReactor("list", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "a", errors.New("no right"))
	})
	cluster := New(client, Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "p", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	cfg := &objects.Config{Namespaces: []string{"a"}, Classes: []string{"ours"}}
	w := cluster.Watch(func() *objects.Config { return cfg }, nil)
	ctx, stop := context.WithCancel(t.Context())
	dirty, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- w.Run(ctx, func() { dirty <- struct{}{} }) }()
	<-dirty
	objs := w.Objects()
	if objs.Ingresses.Len() != 1 || len(objs.Problems) != 1 || !strings.Contains(objs.Problems[0].Message, "can't watch namespaces a: ") {
		t.Errorf("%d Ingresses, problems %v; want 1, and that Namespace a can't be read", objs.Ingresses.Len(), objs.Problems)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestServicesAreTrimmed: of a Service's annotations those of ExternalDNS are
// kept, and of its spec what is published or routed to.
func TestServicesAreTrimmed(t *testing.T) {
	hostname := map[string]string{intent.ExternalDNSPrefix + "hostname": "a.example.com", intent.ExternalDNSAlpha + "ttl": "30"}
	annotations := map[string]string{"other": "x"}
	maps.Copy(annotations, hostname)
	trimmed, err := trim("m")(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"l": "x"}, Annotations: annotations},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ClusterIPs: []string{"10.96.0.1"}, Selector: map[string]string{"l": "x"}},
	})
	kubetest.Must(t, err)
	want := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: hostname},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ClusterIPs: []string{"10.96.0.1"}},
	}
	if !reflect.DeepEqual(trimmed, want) {
		t.Errorf("got %v, want %v", trimmed, want)
	}
}

// TestNamespacesAreTrimmed: of a Namespace only the limit of its names is kept.
func TestNamespacesAreTrimmed(t *testing.T) {
	trimmed, err := trim("m")(&corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"l": "x"}, Annotations: map[string]string{"other": "x", intent.DomainsAnnotation: "a.example.com"}},
		Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	})
	kubetest.Must(t, err)
	want := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{intent.DomainsAnnotation: "a.example.com"}}}
	if !reflect.DeepEqual(trimmed, want) {
		t.Errorf("got %v, want %v", trimmed, want)
	}
}

func namespacesOf(o objects.Objects) string {
	var namespaces []string
	for _, ingress := range o.Ingresses.All() {
		namespaces = append(namespaces, ingress.Namespace)
	}
	return fmt.Sprint(namespaces)
}

// TestFeedKeepsPointers: what did not change is the same object after a lost
// watch, and a list that was handed out is never written.
func TestFeedKeepsPointers(t *testing.T) {
	changes := 0
	f := &feed{key: feedKey{kind: ingressFeed}, trim: trim("m"), changed: func() { changes++ }}
	object := func(name, version string) *networkingv1.Ingress {
		return &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, UID: types.UID(name), ResourceVersion: version}}
	}
	kubetest.Must(t, f.Replace([]any{object("c", "1"), object("a", "1")}, ""))
	first, _ := f.list()
	kubetest.Must(t, f.Add(object("b", "1")))
	kubetest.Must(t, f.Update(object("c", "2")))
	if len(first) != 2 || first[1].GetResourceVersion() != "1" {
		t.Errorf("a list that was handed out is %v now", first)
	}
	second, _ := f.list()
	kubetest.Must(t, f.Replace([]any{object("b", "1"), object("a", "2"), object("c", "2")}, ""))
	third, _ := f.list()
	if len(third) != 3 || third[0] == second[0] || third[1] != second[1] || third[2] != second[2] {
		t.Errorf("before %v, after listing anew %v", second, third)
	}
	before := changes
	kubetest.Must(t, f.Replace([]any{object("c", "2"), object("b", "1"), object("a", "2")}, ""))
	kubetest.Must(t, f.Delete(object("x", "1")))
	if changes != before {
		t.Error("nothing changed, and it is told")
	}
	kubetest.Must(t, f.Delete(object("b", "1")))
	if names, _ := f.list(); len(names) != 2 || changes != before+1 || names[0].GetName() != "a" || names[1].GetName() != "c" {
		t.Errorf("after a deletion %v", names)
	}
}

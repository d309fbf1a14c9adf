package cluster

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	gatelodge "gatelodge.dev"

	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/externaldns"
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
	in := claimantOf("shop", "web")
	in.TLS = append(in.TLS, intent.TLSEntry{Secret: "known"}, intent.TLSEntry{Secret: "Not,a=Name"}, intent.TLSEntry{})
	for i := range maxNamedSecrets + 50 {
		in.TLS = append(in.TLS, intent.TLSEntry{Secret: fmt.Sprintf("missing-%d", i)})
	}
	again := *in
	again.Object.Name = "again"
	other := claimantOf("zoo", "other")
	other.Asked.Auth.Secret, other.Asked.BackendTLS.Secret = "users", "ca"
	known := objects.TableOf(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "known"}})
	keys, problems := wanted(known, nil, in, &again, other).feeds()
	if len(keys) != maxNamedSecrets+2 || keys[len(keys)-1].namespace != "zoo" {
		t.Errorf("%d Secrets are watched by name, the last %v", len(keys), keys[len(keys)-1])
	}
	if len(problems) != 1 || problems[0].Object.Name != "shop" {
		t.Errorf("problems %v, want one of namespace shop", problems)
	}
}

// TestConfigMapsByName: those that Ingresses name in their own namespace are watched,
// within a bound, and no longer than they are named.
func TestConfigMapsByName(t *testing.T) {
	naming := func(i int, of string) *intent.Claimant {
		in := claimantOf("shop", fmt.Sprint("web", i))
		in.Asked = annotations.Read(map[string]string{
			"gatelodge.dev/auth-url": "http://auth.shop.svc.cluster.local/", "gatelodge.dev/auth-proxy-set-headers": of,
		}, "shop", nil, func(gatelodge.Reason, string, ...any) {})
		return in
	}
	w := wanted(objects.Table[*corev1.Secret]{}, nil, naming(0, "fields"), naming(1, "shop/fields"), naming(2, "other/fields"), naming(3, "Not,a=Name"))
	keys, problems := w.configMapFeeds()
	if want := (feedKey{kind: "ConfigMap", namespace: "shop", name: "fields"}); len(keys) != 1 || keys[0] != want || problems != nil {
		t.Errorf("got %v, %v, want %v", keys, problems, want)
	}
	if w = w.after(intent.Claimants{}, nil, w.known); w.configMaps.Len() != 0 {
		t.Errorf("still wanted: %d", w.configMaps.Len())
	}
	var many []*intent.Claimant
	for i := range maxNamedSecrets + 20 {
		many = append(many, naming(i, fmt.Sprint("fields-", i)))
	}
	if keys, problems := wanted(objects.Table[*corev1.Secret]{}, nil, many...).configMapFeeds(); len(keys) != maxNamedSecrets || len(problems) != 1 {
		t.Errorf("%d ConfigMaps are watched, problems %v", len(keys), problems)
	}
}

func claimantOf(namespace, name string) *intent.Claimant {
	in := &intent.Claimant{}
	in.Object.Namespace, in.Object.Name = namespace, name
	return in
}

// wanted is what claimants and the configuration want where these Secrets of type
// kubernetes.io/tls are known.
func wanted(known objects.Table[*corev1.Secret], configured []objects.Key, claimants ...*intent.Claimant) *secretWants {
	var all intent.Claimants
	for _, c := range claimants {
		all = all.With(c.Key(), c)
	}
	return (&secretWants{}).after(all, configured, []objects.Table[*corev1.Secret]{known})
}

// TestWantsFollow: what is wanted after many changes is what is wanted of the
// outcome.
func TestWantsFollow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var claimants intent.Claimants
	var known objects.Table[*corev1.Secret]
	w := &secretWants{}
	for step := range 500 {
		secret := objects.Key{Namespace: "shop", Name: fmt.Sprint("secret", random.IntN(6))}
		in := claimantOf("shop", fmt.Sprint("web", random.IntN(4)))
		for range random.IntN(3) {
			in.TLS = append(in.TLS, intent.TLSEntry{Secret: fmt.Sprint("secret", random.IntN(6))})
		}
		switch random.IntN(4) {
		case 0:
			known = known.With(secret, &corev1.Secret{})
		case 1:
			known = known.Without(secret)
		case 2:
			claimants = claimants.Without(in.Key())
		default:
			claimants = claimants.With(in.Key(), in)
		}
		configured := []objects.Key{{Namespace: "shop", Name: fmt.Sprint("secret", step/50)}}
		w = w.after(claimants, configured, []objects.Table[*corev1.Secret]{known})
		got, _ := w.feeds()
		want, _ := wanted(known, configured, slices.Collect(valuesOf(claimants))...).feeds()
		if !slices.Equal(got, want) {
			t.Fatalf("step %d: wants %v, from nothing %v", step, got, want)
		}
	}
}

func valuesOf(claimants intent.Claimants) iter.Seq[*intent.Claimant] {
	return func(yield func(*intent.Claimant) bool) {
		for _, c := range claimants.All() {
			if !yield(c) {
				return
			}
		}
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

// TestNodesAreWatchedWhileNamesLeadThere: a Service of type NodePort has Nodes
// read, whose addresses count, and a gateway that may not read them serves
// all else.
func TestNodesAreWatchedWhileNamesLeadThere(t *testing.T) {
	node := func(version, address string) *corev1.Node {
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "one", UID: "one", ResourceVersion: version},
			Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}},
		}
	}
	service := func(version, name string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "web", UID: "web", ResourceVersion: version, Annotations: map[string]string{externaldns.Prefix + "hostname": name}},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort},
		}
	}
	for _, forbidden := range []bool{false, true} {
		client := fake.NewClientset(node("1", "10.1.0.1"), service("1", "web.example.net"))
		if forbidden {
			client.PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "", errors.New("no right"))
			})
		}
		cluster := New(client, Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "p", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		cfg := &objects.Config{Zones: []objects.ZoneConfig{{Name: "example.com"}}}
		w := cluster.Watch(func() *objects.Config { return cfg }, &intent.Reader{})
		ctx, stop := context.WithCancel(t.Context())
		dirty, ended := make(chan struct{}, 1000), make(chan error)
		go func() { ended <- w.Run(ctx, func() { dirty <- struct{}{} }) }()
		until := func(what string, holds func(o *objects.Objects) bool) {
			t.Helper()
			deadline := time.After(time.Minute)
			for {
				select {
				case <-dirty:
					if objs := w.Objects(); holds(&objs) {
						return
					}
				case <-deadline:
					t.Fatalf("%s: it has %s", what, describe(new(w.Objects())))
				}
			}
		}
		until("a name of another zone", func(o *objects.Objects) bool { return o.Services.Len() == 1 })
		if n := w.Objects().Nodes.Len(); n != 0 {
			t.Errorf("%d Nodes are read for a name of another zone", n)
		}
		_, err := client.CoreV1().Services("a").Update(ctx, service("2", "web.example.com"), metav1.UpdateOptions{})
		kubetest.Must(t, err)
		if forbidden {
			until("Nodes may not be read", func(o *objects.Objects) bool {
				return slices.ContainsFunc(o.Problems, func(p gatelodge.Problem) bool { return strings.Contains(p.Message, "can't watch nodes: ") })
			})
			until("all else", func(o *objects.Objects) bool {
				return o.Services.Get(objects.Key{Namespace: "a", Name: "web"}).ResourceVersion == "2"
			})
		} else {
			until("a name of ours", func(o *objects.Objects) bool { return o.Nodes.Len() == 1 })
			before := w.Objects().Nodes
			_, err := client.CoreV1().Nodes().Update(ctx, node("2", "10.1.0.1"), metav1.UpdateOptions{})
			kubetest.Must(t, err)
			_, err = client.CoreV1().Nodes().Update(ctx, node("3", "10.1.0.2"), metav1.UpdateOptions{})
			kubetest.Must(t, err)
			until("another address", func(o *objects.Objects) bool { return o.Nodes != before })
			if got := w.Objects().Nodes.Get(objects.Key{Name: "one"}).Status.Addresses[0].Address; got != "10.1.0.2" {
				t.Errorf("a status without news counts as a change: the address is %s", got)
			}
			_, err = client.CoreV1().Services("a").Update(ctx, service("3", "web.example.net"), metav1.UpdateOptions{})
			kubetest.Must(t, err)
			until("no name any more", func(o *objects.Objects) bool { return o.Nodes.Len() == 0 })
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// TestServicesAreTrimmed: of a Service's annotations those of ExternalDNS are
// kept, and of its spec what is published or routed to.
func TestServicesAreTrimmed(t *testing.T) {
	hostname := map[string]string{externaldns.Prefix + "hostname": "a.example.com", externaldns.Alpha + "ttl": "30"}
	annotations := map[string]string{"other": "x"}
	maps.Copy(annotations, hostname)
	trimmed, err := readings()["Service"].trim(nil, &corev1.Service{
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

// TestSecretsAreTrimmed: of a Secret's annotations only the one by which it is known as
// cert-manager's is kept.
func TestSecretsAreTrimmed(t *testing.T) {
	trimmed, err := readings()["Secret"].trim(nil, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"l": "x"}, Annotations: map[string]string{"other": "x", objects.CertificateName: "web"}},
		Type:       corev1.SecretTypeTLS,
	})
	kubetest.Must(t, err)
	want := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{objects.CertificateName: "web"}}, Type: corev1.SecretTypeTLS}
	if !reflect.DeepEqual(trimmed, want) {
		t.Errorf("got %v, want %v", trimmed, want)
	}
}

// TestNamespacesAreTrimmed: of a Namespace only the limit of its names is kept.
func TestNamespacesAreTrimmed(t *testing.T) {
	trimmed, err := readings()["Namespace"].trim(nil, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"l": "x"}, Annotations: map[string]string{"other": "x", annotations.DomainsAnnotation: "a.example.com"}},
		Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	})
	kubetest.Must(t, err)
	want := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{annotations.DomainsAnnotation: "a.example.com"}}}
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

// testFeed returns a feed that is not connected.
func testFeed(key feedKey, changed func()) *feed {
	return newFeed(&Cluster{Cfg: Config{Name: "gatelodge", Namespace: "gatelodge"}}, key, changed, func() {})
}

func ingressOf(namespace, name, version string) *networkingv1.Ingress {
	return &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), ResourceVersion: version}}
}

// TestFeedKeepsPointers: what did not change is the same object after a lost
// watch, and a Table that was handed out is never written.
func TestFeedKeepsPointers(t *testing.T) {
	changes := 0
	f := testFeed(feedKey{kind: "Ingress"}, func() { changes++ })
	object := func(name, version string) *networkingv1.Ingress { return ingressOf("n", name, version) }
	list := func() (list []*networkingv1.Ingress) {
		now := f.read()
		for _, in := range now.objects.Ingresses.All() {
			list = append(list, in)
		}
		return list
	}
	kubetest.Must(t, f.Replace([]any{object("c", "1"), object("a", "1")}, ""))
	first := f.read()
	kubetest.Must(t, f.Add(object("b", "1")))
	kubetest.Must(t, f.Update(object("c", "2")))
	if in := first.objects.Ingresses.Get(objects.Key{Namespace: "n", Name: "c"}); first.objects.Ingresses.Len() != 2 || in.ResourceVersion != "1" {
		t.Errorf("what was handed out is %v now", in)
	}
	second := list()
	kubetest.Must(t, f.Replace([]any{object("b", "1"), object("a", "2"), object("c", "2")}, ""))
	third := list()
	if len(third) != 3 || third[0] == second[0] || third[1] != second[1] || third[2] != second[2] {
		t.Errorf("before %v, after listing anew %v", second, third)
	}
	before := changes
	kubetest.Must(t, f.Replace([]any{object("c", "2"), object("b", "1"), object("a", "2")}, ""))
	kubetest.Must(t, f.Update(object("c", "2")))
	kubetest.Must(t, f.Delete(object("x", "1")))
	if changes != before || list()[2] != third[2] {
		t.Error("nothing changed, and it is told")
	}
	kubetest.Must(t, f.Delete(object("b", "1")))
	if left := list(); len(left) != 2 || changes != before+1 || left[0].Name != "a" || left[1].Name != "c" {
		t.Errorf("after a deletion %v", left)
	}
}

// TestFeedsAreMerged: whatever feeds come, go and change, the objects are those
// that they have together, and where two have one the first counts.
func TestFeedsAreMerged(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	all := []feedKey{{kind: "Secret", namespace: "a", tls: true}, {kind: "Secret", namespace: "b", tls: true}, {kind: "Secret", namespace: "a", name: "s1"}, {kind: "Ingress"}}
	feeds := make(map[feedKey]*feed)
	for _, key := range all {
		feeds[key] = testFeed(key, func() {})
	}
	secret := func(key feedKey, name string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.namespace, Name: name, UID: types.UID(name), ResourceVersion: fmt.Sprint(random.IntN(1000))}}
	}
	var m *merged
	for step := range 1000 {
		key := all[random.IntN(3)]
		name := "s1"
		if key.name == "" {
			name = fmt.Sprint("s", random.IntN(5))
		}
		switch random.IntN(6) {
		case 0:
			kubetest.Must(t, feeds[key].Delete(secret(key, name)))
		case 1:
			kubetest.Must(t, feeds[key].Replace([]any{secret(key, name)}, ""))
		case 2:
			m = m.with(all[random.IntN(2):2+random.IntN(3)], feeds)
		default:
			kubetest.Must(t, feeds[key].Add(secret(key, name)))
		}
		if m == nil {
			continue
		}
		if _, ok := m.took[key]; ok {
			m.take(key, feeds[key].read())
		}
		whole := (*merged)(nil).with(m.keys, feeds)
		if got, want := describe(&m.objects), describe(&whole.objects); got != want || len(m.objects.Relists) != len(whole.objects.Relists) {
			t.Fatalf("step %d: merged\n%s\nfrom nothing\n%s", step, got, want)
		}
	}
}

func describe(o *objects.Objects) string {
	text := ""
	for key, secret := range o.Secrets.All() {
		text += fmt.Sprintln(key, secret.ResourceVersion)
	}
	return text
}

// TestEveryKindIsReadFromTheAPIServer: a kind that has no reading, or one of
// another type, would be missing in a cluster.
func TestEveryKindIsReadFromTheAPIServer(t *testing.T) {
	for _, kind := range objects.Kinds() {
		reading, ok := readings()[kind.Name]
		if !ok {
			t.Errorf("kind %s is not read", kind.Name)
			continue
		}
		object, ok := reading.example.DeepCopyObject().(metav1.Object)
		if !ok {
			t.Fatalf("kind %s: %T is not an object", kind.Name, reading.example)
		}
		object.SetName("gatelodge-" + gatelodge.ChallengesItem)
		f := testFeed(feedKey{kind: kind.Name}, func() {})
		kubetest.Must(t, f.Add(object))
		if now := f.read(); kind.Len(&now.objects) != 1 {
			t.Errorf("kind %s: the feed does not have the object", kind.Name)
		}
	}
}

// TestSlicesAreTrimmed: of a slice's annotations the weight is kept, which Build reads.
func TestSlicesAreTrimmed(t *testing.T) {
	trimmed, err := readings()["EndpointSlice"].trim(nil, &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Name: "web-1", Annotations: map[string]string{annotations.WeightAnnotation: "2", "other": "x"}},
	})
	kubetest.Must(t, err)
	if got := trimmed.GetAnnotations(); !reflect.DeepEqual(got, map[string]string{annotations.WeightAnnotation: "2"}) {
		t.Errorf("the annotations %v are left", got)
	}
}

// TestOnlyServedItemsAreFed of what the Store keeps.
func TestOnlyServedItemsAreFed(t *testing.T) {
	f := testFeed(feedKey{kind: objects.StoredKind}, func() {})
	item := func(name string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: name, UID: types.UID(name), ResourceVersion: "1"}}
	}
	served, other := item("gatelodge-"+gatelodge.ChallengesItem), item("gatelodge-tickets")
	kubetest.Must(t, f.Replace([]any{served, other}, ""))
	kubetest.Must(t, f.Update(other))
	if now := f.read(); now.objects.Stored.Len() != 1 || now.objects.Stored.Get(objects.KeyOf(served)) == nil {
		t.Errorf("fed %d items", now.objects.Stored.Len())
	}
}

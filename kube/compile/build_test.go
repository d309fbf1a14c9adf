package compile

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// world is a small cluster in which everything clashes with everything: few
// names, many who want them.
type world struct {
	t       *testing.T
	random  *rand.Rand
	version int
	now     time.Time
	objects map[string]metav1.Object

	externals objects.Externals
	made      objects.Objects // what all returned last
}

var (
	worldNamespaces = []string{"shop", "crm", "lab"}
	worldHosts      = []string{
		"", "app.example.com", "b.app.example.com", "*.example.com", "c.d.example.com", "x.c.d.example.com", "*.c.d.example.com",
		"a.sub.d.example.com", "z.old.example.com", "ns1.example.com", "example.com", "_x.app.example.com", "app.example.org", "bad host",
	}
	worldPaths = []string{"/", "/a", "/a/", "/a/b", "nowhere"}
)

func pick[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }

// meta makes a new version of an object; one in three is another object of the
// same name, as after a deletion.
func (w *world) meta(kind, namespace, name string) metav1.ObjectMeta {
	w.version++
	uid := types.UID(kind + "/" + namespace + "/" + name)
	if w.random.IntN(3) == 0 {
		uid += types.UID(fmt.Sprint("#", w.version))
	}
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: uid, ResourceVersion: fmt.Sprint(w.version),
		CreationTimestamp: metav1.NewTime(kubetest.Now.Add(time.Duration(w.random.IntN(4)) * time.Second)),
	}
}

func (w *world) ingress(namespace, name string) *networkingv1.Ingress {
	in := &networkingv1.Ingress{ObjectMeta: w.meta("Ingress", namespace, name)}
	for range w.random.IntN(4) {
		rule := networkingv1.IngressRule{Host: pick(w.random, worldHosts)}
		http := &networkingv1.HTTPIngressRuleValue{}
		for range w.random.IntN(3) {
			http.Paths = append(http.Paths, networkingv1.HTTPIngressPath{
				Path:     pick(w.random, worldPaths),
				PathType: new(pick(w.random, []networkingv1.PathType{networkingv1.PathTypeExact, networkingv1.PathTypePrefix})),
				Backend:  *w.backend(),
			})
		}
		rule.HTTP = http
		in.Spec.Rules = append(in.Spec.Rules, rule)
	}
	if w.random.IntN(3) == 0 {
		in.Spec.DefaultBackend = w.backend()
	}
	if w.random.IntN(2) == 0 {
		in.Spec.TLS = []networkingv1.IngressTLS{{SecretName: pick(w.random, []string{"one", "two"})}}
	}
	in.Annotations = map[string]string{}
	for range w.random.IntN(3) {
		in.Annotations[pick(w.random, []string{
			"gatelodge.dev/auth-type", "gatelodge.dev/ssl-redirect", "nginx.ingress.kubernetes.io/typo",
			"external-dns.kubernetes.io/ttl", "external-dns.kubernetes.io/target",
		})] = pick(w.random, []string{"basic", "false", "30", "e.example.com", "b.app.example.com"})
		in.Annotations["gatelodge.dev/auth-secret"] = pick(w.random, []string{"one", "two"})
	}
	if w.random.IntN(4) == 0 {
		in.Annotations["gatelodge.dev/server-alias"] = pick(w.random, []string{"app.example.com", "*.example.com,e.example.com", "bad host"})
	}
	if w.random.IntN(3) == 0 {
		in.Annotations[externaldns.Prefix+"hostname"] = pick(w.random, []string{"app.example.com,e.example.com", "*.app.example.com,e.example.net", "bad host"})
		in.Annotations[externaldns.Alpha+"ingress-hostname-source"] = pick(w.random, []string{"annotation-only", "defined-hosts-only", ""})
		in.Annotations[externaldns.Alpha+"controller"] = pick(w.random, []string{externaldns.OurController, externaldns.OurController, "others"})
	}
	if w.random.IntN(4) == 0 {
		in.Annotations["gatelodge.dev/share-host-with"] = pick(w.random, []string{"shop", "crm,lab", "*"})
	}
	if w.random.IntN(4) == 0 {
		in.Annotations["gatelodge.dev/short-names"] = pick(w.random, []string{"true", "redirect", "false"})
		in.Annotations["gatelodge.dev/contact"] = pick(w.random, []string{"a@example.com", "c@example.com", "bad"})
	}
	if w.random.IntN(4) == 0 {
		in.Annotations["gatelodge.dev/backend-protocol"] = pick(w.random, []string{"HTTP", "HTTPS", "GRPCS"})
		in.Annotations["gatelodge.dev/proxy-ssl-secret"] = pick(w.random, []string{"one", "two"})
		in.Annotations["gatelodge.dev/proxy-ssl-verify"] = pick(w.random, []string{"on", "off"})
	}
	if w.random.IntN(4) == 0 {
		in.Annotations["gatelodge.dev/canary"] = pick(w.random, []string{"true", "true", "true", "perhaps"})
		in.Annotations["gatelodge.dev/canary-weight"] = pick(w.random, []string{"5", "50", "500"})
		in.Annotations["gatelodge.dev/affinity-canary-behavior"] = pick(w.random, []string{"sticky", "legacy"})
	}
	return in
}

func (w *world) backend() *networkingv1.IngressBackend {
	return &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
		Name: pick(w.random, []string{"one", "two"}),
		Port: networkingv1.ServiceBackendPort{Number: 80},
	}}
}

func (w *world) secret(namespace, name string) *corev1.Secret {
	begin := kubetest.Now.Add(time.Duration(w.random.IntN(100)-80) * time.Minute)
	secret := kubetest.TLSSecret(w.t, namespace+"/"+name, []string{pick(w.random, []string{"app.example.com", "*.example.com"})}, begin, begin.Add(time.Hour))
	secret.ObjectMeta = w.meta("Secret", namespace, name)
	secret.Data["auth"] = []byte(pick(w.random, []string{"", "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"}))
	return secret
}

func (w *world) service(namespace, name string) *corev1.Service {
	if w.random.IntN(4) == 0 {
		return &corev1.Service{
			ObjectMeta: w.meta("Service", namespace, name),
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: pick(w.random, []string{"a.example.net", "b.example.net"})},
		}
	}
	meta := w.meta("Service", namespace, name)
	if w.random.IntN(2) == 0 {
		meta.Annotations = map[string]string{
			externaldns.Prefix + "hostname":         pick(w.random, []string{"app.example.com", "*.example.com,e.example.com", "_x.app.example.com", "*.app.example.com", "y.d.example.com"}),
			externaldns.Alpha + "internal-hostname": pick(w.random, []string{"in.example.com", "bad host"}),
			externaldns.Alpha + "ttl":               pick(w.random, []string{"30", "never"}),
		}
	}
	return &corev1.Service{
		ObjectMeta: meta,
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, ClusterIPs: []string{"10.96.0.1"},
			Ports: []corev1.ServicePort{{Port: pick(w.random, []int32{80, 81})}},
		},
		Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{
			pick(w.random, []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}, {IP: "192.0.2.2"}, {Hostname: "e.example.com"}, {}}),
		}}},
	}
}

func (w *world) slice(namespace, name string) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  w.meta("EndpointSlice", namespace, name),
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Port: new(int32(8080))}},
	}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: pick(w.random, []string{"one", "two"})}
	for range w.random.IntN(3) {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{pick(w.random, []string{"10.0.0.1", "10.0.0.2", "127.0.0.1"})},
			Conditions: discoveryv1.EndpointConditions{Ready: new(w.random.IntN(2) == 0), Serving: new(true), Terminating: new(true)},
			Hints:      &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: pick(w.random, []string{"a", "b"})}}},
		})
	}
	return slice
}

func (w *world) namespace(name string) *corev1.Namespace {
	namespace := &corev1.Namespace{ObjectMeta: w.meta("Namespace", "", name)}
	if w.random.IntN(2) == 0 {
		namespace.Annotations = map[string]string{annotations.DomainsAnnotation: pick(w.random, []string{"app.example.com", "example.com,example.org", "*"})}
	}
	if w.random.IntN(2) == 0 {
		namespace.Annotations = map[string]string{
			"gatelodge.dev/short-names": pick(w.random, []string{"true", "redirect", "false"}),
			"gatelodge.dev/contact":     pick(w.random, []string{"a@example.com", "b@example.com", "bad"}),
		}
	}
	return namespace
}

func (w *world) dnsEndpoint(namespace, name string) *objects.DNSEndpoint {
	e := &objects.DNSEndpoint{ObjectMeta: w.meta("DNSEndpoint", namespace, name)}
	for range 1 + w.random.IntN(3) {
		record := pick(w.random, [][2]string{{"A", "192.0.2.3"}, {"A", "192.0.2.4"}, {"CNAME", "a.example.net"}, {"CNAME", "app.example.com"}, {"CNAME", "e.example.com"}, {"CNAME", "any.app.example.com"}, {"TXT", "one"}, {"TXT", "two"}, {"NS", "a.example.net"}})
		e.Spec.Endpoints = append(e.Spec.Endpoints, objects.Endpoint{
			DNSName:    pick(w.random, []string{"app.example.com", "*.example.com", "e.example.com", "*.app.example.com", "y.d.example.com", "any.app.example.com", "k._domainkey.app.example.com", "_acme-challenge.app.example.com", "bad host"}),
			RecordType: record[0], Targets: []string{record[1]}, RecordTTL: pick(w.random, []int64{0, 30}),
		})
	}
	return e
}

func (w *world) class(name string) *networkingv1.IngressClass {
	class := &networkingv1.IngressClass{ObjectMeta: w.meta("IngressClass", "", name)}
	class.Spec.Controller = "ours"
	if w.random.IntN(2) == 0 {
		class.Annotations = map[string]string{intent.DefaultClassAnnotation: "true"}
	}
	if w.random.IntN(4) > 0 {
		class.Spec.Parameters = &networkingv1.IngressClassParametersReference{
			Kind: "ConfigMap", Name: "one", Namespace: new("lab"), Scope: new(networkingv1.IngressClassParametersReferenceScopeNamespace),
		}
	}
	return class
}

func (w *world) configMap(namespace, name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: w.meta("ConfigMap", namespace, name), Data: map[string]string{
		pick(w.random, []string{"ssl-redirect", "auth-type", "server-alias", "typo"}): pick(w.random, []string{"false", "basic", "e.example.com"}),
	}}
}

// edit changes one object, makes one or removes one, or moves the clock.
func (w *world) edit() {
	namespace, name := pick(w.random, worldNamespaces), pick(w.random, []string{"one", "two"})
	kind := pick(w.random, []string{"Ingress", "Ingress", "Secret", "Service", "EndpointSlice", "Namespace", "DNSEndpoint", "DNSEndpoint", "IngressClass", "ConfigMap", "externals", "clock", "challenge", "account"})
	key := kind + "/" + namespace + "/" + name
	if w.random.IntN(4) == 0 {
		delete(w.objects, key)
		return
	}
	switch kind {
	case "Ingress":
		w.objects[key] = w.ingress(namespace, name)
	case "Secret":
		w.objects[key] = w.secret(namespace, name)
	case "Service":
		w.objects[key] = w.service(namespace, name)
	case "EndpointSlice":
		w.objects[key] = w.slice(namespace, name)
	case "Namespace":
		w.objects["Namespace/"+namespace] = w.namespace(namespace)
	case "IngressClass":
		w.objects["IngressClass/"+name] = w.class(name)
	case "ConfigMap":
		w.objects["ConfigMap/lab/one"] = w.configMap("lab", "one")
	case "DNSEndpoint":
		w.objects[key] = w.dnsEndpoint(namespace, name)
	case "externals":
		known := &objects.External{Addresses: []netip.Addr{pick(w.random, []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("127.0.0.1")})}}
		w.externals = objects.Externals{}.With("a.example.net", known)
	case "challenge":
		parts, err := gatelodge.EncodeChallenges([]gatelodge.Challenge{{
			Type: gatelodge.DNS01, Name: gatelodge.Name(pick(w.random, []string{"app.example.com", "q.d.example.com"})), Response: pick(w.random, []string{"one", "two"}),
		}})
		kubetest.Must(w.t, err)
		w.objects["Stored"] = &corev1.Secret{ObjectMeta: w.meta("Stored", "gatelodge", "gatelodge-"+gatelodge.ChallengesItem), Data: parts}
	case "account":
		parts, err := gatelodge.EncodeAccounts([]gatelodge.KnownAccount{{
			Directory: "https://ca.example/dir", URL: "https://ca.example/1", Persistent: pick(w.random, []string{"", "ca.example; accounturi=https://ca.example/1", "ca.example; accounturi=https://ca.example/2"}),
		}})
		kubetest.Must(w.t, err)
		w.objects["Stored/accounts"] = &corev1.Secret{ObjectMeta: w.meta("Stored", "gatelodge", "gatelodge-"+gatelodge.AccountsItem), Data: parts}
	case "clock":
		w.now = kubetest.Now.Add(time.Duration(w.random.IntN(120)-60) * time.Minute)
	}
}

// all is the objects, in Tables that were made of those before.
func (w *world) all() objects.Objects {
	o := &w.made
	o.Now, o.Externals = w.now, w.externals
	byKind := make(map[string][]metav1.Object)
	for id, object := range w.objects {
		kind, _, _ := strings.Cut(id, "/")
		byKind[kind] = append(byKind[kind], object)
	}
	o.Ingresses = madeOf(o.Ingresses, byKind["Ingress"])
	o.Secrets = madeOf(o.Secrets, byKind["Secret"])
	o.Services = madeOf(o.Services, byKind["Service"])
	o.Slices = madeOf(o.Slices, byKind["EndpointSlice"])
	o.Namespaces = madeOf(o.Namespaces, byKind["Namespace"])
	o.Classes = madeOf(o.Classes, byKind["IngressClass"])
	o.ConfigMaps = madeOf(o.ConfigMaps, byKind["ConfigMap"])
	o.DNSEndpoints = madeOf(o.DNSEndpoints, byKind["DNSEndpoint"])
	o.Stored = madeOf(o.Stored, byKind["Stored"])
	return *o
}

// madeOf changes a Table into one of these objects.
func madeOf[T objects.Object](table objects.Table[T], list []metav1.Object) objects.Table[T] {
	edit := table.Edit()
	there := make(map[objects.Key]bool)
	for _, object := range list {
		there[objects.KeyOf(object)] = true
		edit.Set(objects.KeyOf(object), object.(T))
	}
	var none T
	for key := range table.All() {
		if !there[key] {
			edit.Set(key, none)
		}
	}
	return edit.Map()
}

// worldZone is a zone in which some names are delegated, and some lead elsewhere.
func worldZone(name gatelodge.Name) objects.ZoneConfig {
	return objects.ZoneConfig{
		Name: name, Nameservers: []gatelodge.Name{"ns1." + name}, Hostmaster: "hostmaster." + string(name),
		TTL: time.Minute, NegativeTTL: 5 * time.Second, Views: []string{"inside", "outside"}, Grants: []string{"shop"},
		Levels: []string{"domain", "project"},
		Records: []gatelodge.Record{
			{Name: "sub.d." + name, Type: "NS", TTL: time.Hour, Data: "ns.example.net."},
			{Name: "old." + name, Type: "DNAME", TTL: time.Hour, Data: "d." + string(name) + "."},
			{Name: "static." + name, Type: "CNAME", TTL: time.Hour, Data: "y.old." + string(name) + "."},
		},
	}
}

// worldCA is a CA that looks for persistent records.
func worldCA() *objects.ACMEConfig {
	return &objects.ACMEConfig{
		ACMEAccount: objects.ACMEAccount{Account: gatelodge.Account{Directory: "https://ca.example/dir", Persistent: true}},
		KeyTypes:    gatelodge.KeyTypes{gatelodge.ECDSAP256},
		Wildcards:   []objects.ACMEWildcard{{Name: "app.example.com"}},
	}
}

func (w *world) config() *objects.Config {
	return &objects.Config{
		Controller:          "ours",
		WithoutClass:        true,
		Zone:                pick(w.random, []string{"", "a"}),
		HostSharing:         objects.HostSharing(w.random.IntN(2)),
		Bounds:              pick(w.random, []objects.Bounds{{}, {}, {NamesPerIngress: 2, RoutesPerIngress: 3, BytesPerNamespace: 4000}, {ChecksPerNamespace: 2}, {CheckRatePerNamespace: 1}}),
		Defaults:            pick(w.random, []map[string]string{nil, {"limit-rps": "10"}, {"limit-rps": "20", "hsts": "off"}}),
		HealthCheck:         pick(w.random, []gatelodge.HealthCheck{{}, {Kind: gatelodge.CheckTCP, Interval: time.Second, Timeout: time.Second}}),
		DefaultBackend:      pick(w.random, []*objects.ServicePort{nil, {Namespace: "shop", Name: "one", Port: "80"}}),
		DefaultCertificates: []objects.Key{{Namespace: "lab", Name: "one"}},
		Views: []objects.ViewConfig{
			{Name: "inside", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.80")}, Owners: true},
			{Name: "outside", Service: objects.Key{Namespace: "lab", Name: "two"}},
		},
		Zones:      pick(w.random, [][]objects.ZoneConfig{{worldZone("example.com")}, {worldZone("example.com"), worldZone("app.example.com")}, {worldZone("example.org")}}),
		DNSService: objects.Key{Namespace: "shop", Name: "two"},
		ACME:       pick(w.random, []*objects.ACMEConfig{nil, worldCA()}),
		Listeners:  pick(w.random, [][]gatelodge.Listener{nil, {{Name: "https", Protocol: gatelodge.HTTPS, PublicPort: 443}}}),
	}
}

// TestWarmBuildEqualsCold: what a Builder remembers changes what a build costs,
// never what comes out; and what did not change is the same pointer.
func TestWarmBuildEqualsCold(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &world{t: t, random: rand.New(rand.NewPCG(seed, 0)), now: kubetest.Now, objects: make(map[string]metav1.Object)}
			cfg := w.config()
			var warm Builder
			var before *gatelodge.Snapshot
			for step := range 60 {
				for range 1 + w.random.IntN(2) {
					w.edit()
				}
				if w.random.IntN(20) == 0 {
					cfg = w.config()
				}
				objs := w.all()
				got, want := warm.Build(objs, cfg), new(Builder).Build(objs, cfg)
				if got.String() != want.String() || !reflect.DeepEqual(got, want) {
					t.Fatalf("step %d: a warm build gives\n%s\na cold one\n%s", step, got, want)
				}
				checkSharing(t, before, got)
				before = got
			}
		})
	}
}

// checkSharing: whoever compiles a Snapshot finds what changed by comparing
// pointers.
func checkSharing(t *testing.T, before, now *gatelodge.Snapshot) {
	t.Helper()
	if before == nil {
		return
	}
	for _, host := range now.Hosts.All() {
		if old := before.Hosts.Get(host.Name); old != host && reflect.DeepEqual(old, host) {
			t.Errorf("host %s is another pointer with the same content", host.Name)
		}
	}
	for _, backend := range now.Backends.All() {
		if old := before.Backends.Get(backend.Key); old != backend && reflect.DeepEqual(old, backend) {
			t.Errorf("backend %s is another pointer with the same content", backend.Key)
		}
	}
	for i, view := range now.Views {
		for _, zone := range view.Zones {
			at := slices.IndexFunc(before.Views[i].Zones, func(z *gatelodge.Zone) bool { return z.Name == zone.Name })
			if at < 0 {
				continue
			}
			old := before.Views[i].Zones[at].Nodes
			for name, node := range zone.Nodes.All() {
				if was := old.Get(name); was != node && reflect.DeepEqual(was, node) {
					t.Errorf("node %s is another pointer with the same content", node.Name)
				}
			}
		}
	}
}

// TestEndpointChurnRebuildsNoHost: a rollout changes backends, and nothing
// that routes are made of.
func TestEndpointChurnRebuildsNoHost(t *testing.T) {
	w := &world{t: t, random: rand.New(rand.NewPCG(9, 7)), now: kubetest.Now, objects: make(map[string]metav1.Object)}
	for range 200 {
		w.edit()
	}
	var b Builder
	cfg, objs := w.config(), w.all()
	before := b.Build(objs, cfg)
	objs.Slices = objects.WithObjects(objs.Slices, w.slice("shop", "churned"))
	now := b.Build(objs, cfg)
	if now.Hosts.Len() == 0 || now.Hosts != before.Hosts || &now.Views[0] != &before.Views[0] {
		t.Error("hosts or views were made anew")
	}
}

// TestUnusedSecretRebuildsNoHost: Secrets come and go that nobody names.
func TestUnusedSecretRebuildsNoHost(t *testing.T) {
	w := &world{t: t, random: rand.New(rand.NewPCG(8, 8)), now: kubetest.Now, objects: make(map[string]metav1.Object)}
	for range 200 {
		w.edit()
	}
	w.now = kubetest.Now
	var b Builder
	cfg, objs := w.config(), w.all()
	before := b.Build(objs, cfg)
	objs.Secrets = objects.WithObjects(objs.Secrets, w.secret("shop", "unused"))
	now := b.Build(objs, cfg)
	if now.Hosts.Len() == 0 || now.Hosts != before.Hosts {
		t.Error("a Secret that nobody names changed hosts")
	}
}

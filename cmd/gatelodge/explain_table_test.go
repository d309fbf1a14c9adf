package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/doctor"
	"gatelodge.dev/explain"
	"gatelodge.dev/kube/manifests"
)

// What the set-ups below are made of: a gateway with a zone and a view, and a
// namespace whose Ingress works.
const (
	wellConfig = `ingress: {classes: [ours]}
views: [{name: default, addresses: [192.0.2.10]}]
dns: {addresses: [192.0.2.53], zones: [{name: example.com, nameservers: [ns1], hostmaster: h@example.com}]}
`
	wellIngress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  ingressClassName: ours
  rules:
  - host: app.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}
`
	wellService = `---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
`
	wellSlice = `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.1.1.1]}]
`
	well = wellIngress + wellService + wellSlice
)

// annotated is the Ingress that works, with annotations.
func annotated(annotations string) string {
	return strings.Replace(well, "namespace: shop,", "namespace: shop, annotations: {"+annotations+"},", 1)
}

// withTLS is the Ingress that works, with a Secret.
func withTLS(secret string) string {
	return strings.Replace(well, "spec:\n  ingress", "spec:\n  tls: [{hosts: [app.example.com], secretName: web}]\n  ingress", 1) + secret
}

// secretFor is a Secret with a certificate for a name, valid between two times from
// now.
func secretFor(t *testing.T, name string, from, to time.Duration) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
	}
	chain, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: web, namespace: shop}\ntype: kubernetes.io/tls\ndata: {tls.crt: %s, tls.key: %s}\n",
		text("CERTIFICATE", chain), text("PRIVATE KEY", private))
}

// gatewayOf returns a gateway that serves these manifests, without listeners.
func gatewayOf(t *testing.T, config, text string) *gateway {
	t.Helper()
	cfg, err := parseConfig([]byte(config), "test")
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(cfg, nil, io.Discard, slog.New(slog.NewTextHandler(t.Output(), nil)))
	g.serveManifests(t, text)
	return g
}

func (g *gateway) serveManifests(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	objs, err := manifests.ReadPaths([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	objs.Now = time.Now()
	g.rebuild(objs, time.Now())
}

// TestExplainNothingWrong: what works has no mark, so that the marks below mean
// something.
func TestExplainNothingWrong(t *testing.T) {
	g := gatewayOf(t, wellConfig, withTLS(secretFor(t, "app.example.com", -time.Hour, 90*24*time.Hour)))
	for _, url := range []string{"app.example.com", "http://app.example.com/x", "https://app.example.com:443/"} {
		if d := g.explained(t, url); d.State != explain.OK || d.Cause != nil {
			t.Errorf("%s: %s %+v", url, d.State, d.Cause)
		}
	}
}

// TestExplainBroken: of each set-up that is broken, the marked line names the cause.
func TestExplainBroken(t *testing.T) {
	const http = "http://app.example.com/"
	noSlice := wellIngress + wellService
	for _, c := range []struct {
		name, url      string
		config, object string // "": those that work
		state          explain.State
		kind           explain.Kind
		text           string // in the marked line
	}{
		{"the class of another gateway", http, "", strings.Replace(well, "ClassName: ours", "ClassName: theirs", 1) + ingressClass("theirs", "example.org/theirs"),
			explain.Broken, explain.Owner, `Ingress shop/web (all.yaml:1) asks for app.example.com, but is not read by this gateway: its class "theirs" is not this gateway's`},
		{"a class that is not defined", http, "", strings.Replace(well, "ClassName: ours", "ClassName: our", 1),
			explain.Broken, explain.Owner, `there is no IngressClass "our", this gateway's are ["ours"]`},
		{"no class", http, "", strings.Replace(well, "  ingressClassName: ours\n", "", 1),
			explain.Broken, explain.Owner, "it has no class, and there is no default class of this gateway"},
		{"another label selector", http, strings.Replace(wellConfig, "[ours]}", "[ours], selector: net=dmz}", 1), "",
			explain.Broken, explain.Owner, "its labels don't match ingress.selector"},
		{"a namespace that is not watched", http, strings.Replace(wellConfig, "[ours]}", "[ours], namespaces: [other]}", 1), "",
			explain.Broken, explain.Owner, "namespace shop is not one of ingress.namespaces"},
		{"a lost claim", http, "", well + "---\n" + strings.NewReplacer("namespace: shop", "namespace: late", "2026-01-01", "2026-02-01").Replace(wellIngress),
			explain.Warning, explain.Owner, "Ingress late/web (all.yaml:22): host app.example.com is granted to namespace shop by the older Ingress shop/web"},
		{"a host that no Ingress has", "http://ap.example.com/", "", "",
			explain.Broken, explain.Owner, "no object asks for ap.example.com, the nearest that is served is app.example.com"},
		{"a wildcard that does not cover two labels", "http://a.b.dev.example.com/", "", strings.Replace(well, "app.example.com", `"*.dev.example.com"`, 1),
			explain.Broken, explain.Owner, "the wildcard *.dev.example.com covers one label, and the name has more below it"},
		{"a domain that is not the namespace's", http, "", well + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {gatelodge.dev/domains: shop.example.com}}\n",
			explain.Broken, explain.Owner, "host app.example.com is not allowed: namespace shop may have names at or below shop.example.com only"},
		{"a reserved name", "http://ns1.example.com/", "", strings.Replace(well, "app.example.com", "ns1.example.com", 1),
			explain.Broken, explain.Owner, "host ns1.example.com is reserved: it is a name server of zone example.com"},
		{"a host outside the zones", "http://app.example.net/", "", strings.Replace(well, "app.example.com", "app.example.net", 1),
			explain.Warning, explain.Answer, "app.example.net is outside the zones of this gateway (example.com)"},
		{"a view without an address", http, strings.Replace(wellConfig, ", addresses: [192.0.2.10]", ", service: gatelodge/none", 1), "",
			explain.Broken, explain.Answer, "view default has no address to publish, so app.example.com has no record in it"},
		{"a listener that is not there", "https://app.example.com/", wellConfig + "listeners: [{name: http, protocol: HTTP, address: ':8080', publicPort: 80}, {name: dns, protocol: DNS, address: ':8053', view: default}]\n", "",
			explain.Broken, explain.Listener, "no listener speaks HTTPS"},
		{"a port that users don't see", "http://app.example.com:8080/", "", "",
			explain.Warning, explain.Listener, "the URL has port 8080, and users see the listener http as port 80"},
		{"no certificate", "https://app.example.com/", "", "",
			explain.Broken, explain.Certificate, "no certificate covers app.example.com"},
		{"a Secret that is missing", "https://app.example.com/", "", withTLS(""),
			explain.Broken, explain.Certificate, "there is no Secret shop/web"},
		{"a Secret that has expired", "https://app.example.com/", "", withTLS(secretFor(t, "app.example.com", -90*24*time.Hour, -time.Hour)),
			explain.Broken, explain.Certificate, "expired"},
		{"a certificate for other names", "https://app.example.com/", "", withTLS(secretFor(t, "www.example.com", -time.Hour, 90*24*time.Hour)),
			explain.Broken, explain.Certificate, "the certificate in Secret shop/web (all.yaml:23) is for www.example.com, not for host app.example.com"},
		{"an order without a CA", "https://app.example.com/", "", annotated(`gatelodge.dev/acme: "true"`),
			explain.Broken, explain.Certificate, "this gateway is configured with no ACME CA"},
		{"a redirect to itself", http, "", annotated(`nginx.ingress.kubernetes.io/permanent-redirect: "http://app.example.com/"`),
			explain.Broken, explain.Redirect, "every request is redirected to its own URL: 301 to http://app.example.com/"},
		{"an Exact path", "http://app.example.com/a/b", "", strings.Replace(well, "path: /, pathType: Prefix", "path: /a, pathType: Exact", 1),
			explain.Broken, explain.Route, "has pathType Exact, so it matches only /a"},
		{"a Prefix of half an element", "http://app.example.com/apiv2", "", strings.Replace(well, "path: /, ", "path: /api, ", 1),
			explain.Broken, explain.Route, "has pathType Prefix, which compares whole elements: apiv2 is another element"},
		{"a path that another object has", http, "", well + "---\n" + strings.NewReplacer("name: web, namespace", "name: web2, namespace", "2026-01-01", "2026-02-01").Replace(wellIngress),
			explain.Warning, explain.Route, "Ingress shop/web2 (all.yaml:22): Prefix path / of host app.example.com is taken by Ingress shop/web"},
		{"no endpoints", http, "", noSlice,
			explain.Broken, explain.Backend, "Service shop/web has no endpoints: no pod matches its selector"},
		{"endpoints that are not ready", http, "", strings.Replace(well, "[10.1.1.1]}", "[10.1.1.1], conditions: {ready: false}}", 1),
			explain.Broken, explain.Backend, "none of the 1 endpoints of Service shop/web is ready"},
		{"a port name that the Service doesn't have", http, "", strings.Replace(well, "port: {name: http}", "port: {name: web}", 1),
			explain.Broken, explain.Backend, "Service shop/web has no TCP port web, it has 80 (http)"},
		{"a port name that the pods don't have", http, "", strings.Replace(well, "[{name: http, port: 8080", "[{name: web, port: 8080", 1),
			explain.Broken, explain.Backend, `have no port named "http", they have "web"`},
		{"a Service that is missing", http, "", wellIngress + wellSlice,
			explain.Broken, explain.Backend, "there is no Service shop/web"},
		{"a Service for a name, which is refused", http, strings.Replace(wellConfig, "[ours]}", "[ours], externalNames: refuse}", 1),
			wellIngress + "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {type: ExternalName, externalName: www.example.net, ports: [{name: http, port: 80}]}\n",
			explain.Broken, explain.Backend, "Service shop/web is of type ExternalName, which this gateway refuses"},
		{"a Secret of users that is missing", http, "", annotated(`nginx.ingress.kubernetes.io/auth-type: basic, nginx.ingress.kubernetes.io/auth-secret: users`),
			explain.Broken, explain.Policies, "there is no Secret shop/users, which auth-secret names"},
		{"a client that is not on the list", http + "&client=10.9.9.9", "", annotated(`nginx.ingress.kubernetes.io/whitelist-source-range: 10.0.0.0/16`),
			explain.Broken, explain.Policies, "client 10.9.9.9 is refused (403): its address is not in whitelist-source-range (10.0.0.0/16)"},
		{"a protection that can't be applied", http, "", annotated(`nginx.ingress.kubernetes.io/limit-rps: many`),
			explain.Broken, explain.Policies, `"many" is not`},
		{"an annotation that does not parse", http, "", annotated(`nginx.ingress.kubernetes.io/proxy-read-timeout: soon`),
			explain.Warning, explain.Policies, "proxy-read-timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, object := c.config, c.object
			if config == "" {
				config = wellConfig
			}
			if object == "" {
				object = well
			}
			g := gatewayOf(t, config, object)
			d := g.explained(t, c.url)
			if d.Cause == nil || d.State != c.state || d.Cause.Kind != c.kind || !strings.Contains(d.Cause.Text, c.text) {
				var out strings.Builder
				_ = d.WriteText(&out, explain.TextOptions{All: true})
				t.Fatalf("cause %+v, expected %s %s %q\n%s\n%v", d.Cause, c.state, c.kind, c.text, out.String(), snapshotOf(g))
			}
			if d.Cause.Do == "" {
				t.Errorf("it is not said what to do: %+v", d.Cause)
			}
		})
	}
}

func snapshotOf(g *gateway) string {
	s, _, _ := g.live.Current()
	return s.String()
}

func ingressClass(name, controller string) string {
	return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: %s}\nspec: {controller: %s}\n", name, controller)
}

// TestExplainLongerPath: a path that another object takes with a longer one is no
// mistake, and the line of the route says it.
func TestExplainLongerPath(t *testing.T) {
	g := gatewayOf(t, wellConfig, well+"---\n"+strings.NewReplacer("name: web, namespace", "name: api, namespace", "path: /, ", "path: /api, ").Replace(wellIngress))
	d := g.explained(t, "http://app.example.com/api/v1")
	for _, s := range d.Steps {
		if s.Kind == explain.Route {
			const want = "Prefix /api by Ingress shop/api (all.yaml:22), which takes precedence over Prefix / by Ingress shop/web (all.yaml:1): the longer path takes precedence"
			if s.Text != want || d.State != explain.OK {
				t.Errorf("%s, %s, expected %s", d.State, s.Text, want)
			}
			return
		}
	}
	t.Error("there is no step for the route")
}

// TestExplainDelegation: what the doctor finds is a mark in the line of the
// delegation, a problem of the zone and a metric.
func TestExplainDelegation(t *testing.T) {
	g := gatewayOf(t, wellConfig+"\n", well)
	found := &gatelodge.Delegation{Zone: "example.com", At: time.Now(), Servers: []gatelodge.Name{"ns1.example.com"}}
	g.doctor = doctor.New(doctor.Config{
		Settings: func() doctor.Settings {
			return doctor.Settings{Resolvers: []string{"127.0.0.1:53"}, Interval: time.Hour}
		},
		Changed: func() {}, Log: g.log,
	})
	for _, c := range []struct {
		finding gatelodge.Finding
		state   explain.State
	}{
		{gatelodge.Finding{Kind: gatelodge.NotDelegated, Text: "zone example.com is not delegated", Do: "have it added"}, explain.Broken},
		{gatelodge.Finding{Kind: gatelodge.UnsignedDS, Text: "there is a DS record for zone example.com", Do: "have it removed"}, explain.Broken},
		{gatelodge.Finding{Kind: gatelodge.LameServer, Text: "server ns1.example.com is lame", Do: "see why"}, explain.Warning},
		{gatelodge.Finding{Kind: gatelodge.StaleAnswer, Name: "app.example.com", Text: "resolver 192.0.2.1:53 still says that app.example.com does not exist", Do: "wait"}, explain.Warning},
		{gatelodge.Finding{Kind: gatelodge.StaleAnswer, Name: "b.example.com", Text: "b does not exist", Do: "wait"}, explain.OK},
	} {
		found.Findings = []gatelodge.Finding{c.finding}
		store := &itemStore{}
		if err := g.doctor.Follow(t.Context(), store); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal([]*gatelodge.Delegation{found})
		if err != nil {
			t.Fatal(err)
		}
		store.put("delegations", gatelodge.Item{Data: map[string][]byte{"json": text}})
		g.serveManifests(t, well)
		d := g.explained(t, "http://app.example.com/")
		if d.State != c.state || c.state != explain.OK && (d.Cause.Kind != explain.Delegation || d.Cause.Text != c.finding.Text || d.Cause.Do != c.finding.Do) {
			t.Errorf("%s: %s %+v", c.finding.Kind, d.State, d.Cause)
		}
		if _, problems := g.ask("GET", "/api/problems"); !strings.Contains(problems, "BadDelegation") || !strings.Contains(problems, "Config dns.zones[example.com]") || !strings.Contains(problems, c.finding.Text) {
			t.Errorf("%s: %s", c.finding.Kind, problems)
		}
		if _, metrics := g.ask("GET", "/metrics"); !strings.Contains(metrics, fmt.Sprintf("gatelodge_delegation_findings{kind=%q,zone=\"example.com\"} 1\n", c.finding.Kind)) {
			t.Errorf("%s is not counted", c.finding.Kind)
		}
	}
}

// itemStore is a Store of one item, which is not written through it.
type itemStore struct {
	gatelodge.Store
	item    gatelodge.Item
	changed func(string)
}

func (s *itemStore) put(name string, i gatelodge.Item) {
	s.item = i
	s.changed(name)
}

func (s *itemStore) Get(context.Context, string) (gatelodge.Item, error) { return s.item, nil }

func (s *itemStore) Watch(_ context.Context, _ string, changed func(string)) error {
	s.changed = changed
	return nil
}

// TestExplainHeld: a host that the guard keeps serving is served, and the line of
// its owner says for how long.
func TestExplainHeld(t *testing.T) {
	g, _ := guardedGateway(t)
	d := g.explained(t, "http://host7.example.com/")
	if d.Steps[0].State != explain.Warning || !strings.Contains(d.Steps[0].Text, "the objects that asked for host7.example.com are gone, and the withdrawal guard keeps serving it until ") {
		t.Errorf("%+v", d.Steps[0])
	}
}

package main

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/doctor"
	"gatelodge.dev/kube/objects"
)

// parsedConfig returns a configuration that has to be valid.
func parsedConfig(t *testing.T, text string) *config {
	t.Helper()
	c, err := parseConfig([]byte(text), "gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestEmptyFileIsTheDefaults: an empty file, no file, and keys without values all
// give a working gateway.
func TestEmptyFileIsTheDefaults(t *testing.T) {
	none, err := loadConfig("")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(none.Listeners, []gatelodge.Listener{
		{Name: "http", Protocol: gatelodge.HTTP, Address: ":8080", PublicPort: 80, Views: []string{"default"}},
		{Name: "https", Protocol: gatelodge.HTTPS, Address: ":8443", PublicPort: 443, Views: []string{"default"}},
		{Name: "dns", Protocol: gatelodge.DNS, Address: ":8053", Views: []string{"default"}},
	}) {
		t.Errorf("listeners %v", none.Listeners)
	}
	if s := none.Kube.Settings; s.Timeouts.Idle != 75*time.Second || s.Limits.HeaderBytes != 65536 || s.Retries.Budget != 0.2 ||
		!s.RedirectHTTPS || !s.AccessLog.Enabled || s.TLS.MinVersion != tls.VersionTLS12 || s.Drain.Tunnels != 10*time.Minute {
		t.Errorf("settings %+v", s)
	}
	for idea, text := range map[string]string{
		"empty":          "",
		"comments":       "# nothing\n\n# at all\n",
		"empty document": "---\n",
		"no values":      "name:\nlisteners:\ndns:\n  zones: []\ntimeouts: {header: }\n",
	} {
		if got := parsedConfig(t, text); !reflect.DeepEqual(got, none) {
			t.Errorf("%s: %+v, want the defaults %+v", idea, got, none)
		}
	}
}

// TestEveryValueArrives: each value of the file is in the configuration.
func TestEveryValueArrives(t *testing.T) {
	got := parsedConfig(t, `
apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
name: edge
ingress:
  controller: example.com/edge
  classes: [edge, edge.internal]
  selector: zone=internal
  withoutClass: true
  namespaces: [shop, web]
  hostSharing: any
  defaultBackend: web/home:http
  externalNames: refuse
  ambiguousPaths: allow
  defaults: {limit-rps: 100, upstream-vhost: "", hsts: "off"}
  bounds: {namesPerIngress: 10, routesPerIngress: 0, bytesPerNamespace: 512KiB, checksPerNamespace: 20, checkRatePerNamespace: 5}
listeners:
- {name: web, protocol: HTTP, address: "192.0.2.1:80", view: inside}
- {name: secure, protocol: HTTPS, address: "[2001:db8::1]:443", publicPort: 8443, view: outside}
- {name: names, protocol: DNS, address: ":53", views: [inside, outside]}
- {name: private, protocol: DOT, address: ":853", view: inside}
views:
- {name: inside, addresses: [10.0.0.1, "2001:db8::1"], owners: true, clients: [10.0.0.0/8, 192.0.2.7]}
- {name: outside, service: edge/public, namespaces: [shop], dnsService: edge/names-outside, dnsAddresses: [192.0.2.54]}
trust: {forwarded: [10.0.0.1/8, 192.0.2.7], proxyProtocol: ["2001:db8::/32"]}
timeouts: {header: 1s, body: 2s, idle: 3s, connect: 4s, read: 5s, send: 6500ms}
limits: {headerBytes: 4096, headers: 50, bodyBytes: 1000000, connections: 10, streams: 20}
retries: {attempts: 2, budget: 12.5%}
balancing: {algorithm: ewma, slowStart: 45s}
ejection: {failures: 0, time: 3s, share: 25%}
healthCheck: {kind: tcp, path: /up, interval: 5s, timeout: 1s}
compression: {codings: "br, gzip", types: [text/*, Application/JSON], minBytes: 10, gzipLevel: 2, brotliLevel: 3, zstdLevel: 4, memory: 1MiB}
buffers: {memory: 2MiB, disk: 3GiB, share: 10%}
accessLog: {enabled: false, sample: 0.5}
tracing: {collector: "http://collector:4318", service: edge, sample: 0.25}
redirectHTTPS: false
hsts: max-age=300
serverName: edge/2
tls: {defaultCertificates: [edge/wildcard], minVersion: 1.3, badKeys: [edge/bad-keys], revocation: all, revocationNetworks: [10.1.0.0/16]}
dns:
  zones:
  - name: PKE.example.com.
    nameservers: [ns1, ns2.dns, ns.example.net., NS3.pke.example.com.]
    hostmaster: jane.doe@example.com
    ttl: 5m
    negativeTTL: 0s
    views: [inside, outside]
    records: |
      kafka IN CNAME kafka.example.net.
    caa: ['0 issue "letsencrypt.org"']
    grants: [shop]
    levels: [business-domain, project]
  - name: sub.pke.example.com
    views: [inside]
  service: edge/names
  addresses: [192.0.2.53]
  nsid: true
  rateLimit: {responsesPerSecond: 100}
  doctor: {resolvers: [192.0.2.1, "[2001:db8::1]:5353"], parents: [192.0.2.2], interval: 5m}
  queryLog: {sample: 0.25}
guard: {share: 0.25, minimum: 3, window: 30s, hold: 1h}
drain: {dns: 90s, delay: 0s, timeout: 1s, tunnels: 2s}
`)
	listeners := []gatelodge.Listener{
		{Name: "web", Protocol: gatelodge.HTTP, Address: "192.0.2.1:80", PublicPort: 80, Views: []string{"inside"}},
		{Name: "secure", Protocol: gatelodge.HTTPS, Address: "[2001:db8::1]:443", PublicPort: 8443, Views: []string{"outside"}},
		{Name: "names", Protocol: gatelodge.DNS, Address: ":53", Views: []string{"inside", "outside"}},
		{Name: "private", Protocol: gatelodge.DOT, Address: ":853", Views: []string{"inside"}},
	}
	selector, err := labels.Parse("zone=internal")
	if err != nil {
		t.Fatal(err)
	}
	asked := doctor.Settings{Resolvers: []string{"192.0.2.1:53", "[2001:db8::1]:5353"}, Parents: []string{"192.0.2.2:53"}, Interval: 5 * time.Minute}
	want := &config{Name: "edge", Listeners: listeners, Doctor: asked, Kube: objects.Config{
		Controller:          "example.com/edge",
		Classes:             []string{"edge", "edge.internal"},
		Selector:            selector,
		WithoutClass:        true,
		Namespaces:          []string{"shop", "web"},
		HostSharing:         objects.ShareAny,
		DefaultBackend:      &objects.ServicePort{Namespace: "web", Name: "home", Port: "http"},
		RefuseExternalNames: true,
		Defaults:            map[string]string{"limit-rps": "100", "upstream-vhost": "", "hsts": "off"},
		Bounds:              objects.Bounds{NamesPerIngress: 10, BytesPerNamespace: 512 << 10, ChecksPerNamespace: 20, CheckRatePerNamespace: 5},
		Listeners:           listeners,
		Settings: &gatelodge.Settings{
			Timeouts: gatelodge.Timeouts{
				Header: time.Second, Body: 2 * time.Second, Idle: 3 * time.Second,
				Connect: 4 * time.Second, Read: 5 * time.Second, Send: 6500 * time.Millisecond,
			},
			Limits:    gatelodge.Limits{HeaderBytes: 4096, Headers: 50, BodyBytes: 1_000_000, Connections: 10, Streams: 20},
			Retries:   gatelodge.Retries{Attempts: 2, Budget: 0.125},
			Balancing: gatelodge.Balancing{Algorithm: gatelodge.PeakEWMA, SlowStart: 45 * time.Second},
			Ejection:  gatelodge.Ejection{Time: 3 * time.Second, Share: 0.25},
			Trust: gatelodge.Trust{
				Forwarded:     []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")},
				ProxyProtocol: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")},
			},
			Compression:    gatelodge.CompressionLevels{Gzip: 2, Brotli: 3, Zstd: 4, Memory: 1 << 20},
			Buffers:        gatelodge.Buffers{Memory: 2 << 20, Disk: 3 << 30, Share: 0.1},
			AccessLog:      gatelodge.AccessLog{Sample: 0.5},
			Tracing:        gatelodge.Tracing{Collector: "http://collector:4318", Service: "edge", Sample: 0.25},
			Drain:          gatelodge.Drain{DNS: 90 * time.Second, Timeout: time.Second, Tunnels: 2 * time.Second},
			HSTS:           "max-age=300",
			ServerName:     "edge/2",
			AmbiguousPaths: true,
			TLS:            gatelodge.TLSSettings{MinVersion: tls.VersionTLS13, Revocation: gatelodge.RevocationAll, RevocationNetworks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}},
			DNS:            gatelodge.DNSSettings{NSID: true, RateLimit: 100, QuerySample: 0.25},
		},
		Views: []objects.ViewConfig{
			{
				Name:      "inside",
				Service:   objects.Key{Namespace: "gatelodge", Name: "gatelodge"},
				Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")},
				Owners:    true,
				Clients:   gatelodge.NetworksOf(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")),
			},
			{
				Name: "outside", Service: objects.Key{Namespace: "edge", Name: "public"}, Namespaces: []string{"shop"},
				DNSService: objects.Key{Namespace: "edge", Name: "names-outside"}, DNSAddresses: []netip.Addr{netip.MustParseAddr("192.0.2.54")},
			},
		},
		Zones: []objects.ZoneConfig{
			{
				Name:        "pke.example.com",
				Nameservers: []gatelodge.Name{"ns1.pke.example.com", "ns2.dns.pke.example.com", "ns.example.net", "ns3.pke.example.com"},
				Hostmaster:  `jane\.doe.example.com`,
				TTL:         5 * time.Minute,
				Views:       []string{"inside", "outside"},
				Records:     []gatelodge.Record{{Name: "kafka.pke.example.com", Type: "CNAME", TTL: 5 * time.Minute, Data: "kafka.example.net."}},
				CAA:         []string{`0 issue "letsencrypt.org"`},
				Grants:      []string{"shop"},
				Levels:      []string{"business-domain", "project"},
			},
			{
				Name:        "sub.pke.example.com",
				Nameservers: []gatelodge.Name{"ns1.sub.pke.example.com", "ns2.sub.pke.example.com"},
				Hostmaster:  "hostmaster.sub.pke.example.com",
				TTL:         time.Minute,
				NegativeTTL: 5 * time.Second,
				Views:       []string{"inside"},
			},
		},
		DNSService:          objects.Key{Namespace: "edge", Name: "names"},
		DNSAddresses:        []netip.Addr{netip.MustParseAddr("192.0.2.53")},
		DefaultCertificates: []objects.Key{{Namespace: "edge", Name: "wildcard"}},
		BadKeys:             []objects.Key{{Namespace: "edge", Name: "bad-keys"}},
		HealthCheck:         gatelodge.HealthCheck{Kind: gatelodge.CheckTCP, Path: "/up", Interval: 5 * time.Second, Timeout: time.Second},
		Compression:         gatelodge.Compression{Codings: []gatelodge.Coding{"br", "gzip"}, Types: gatelodge.MediaTypes{"text/*", "application/json"}, MinBytes: 10},
		Guard:               objects.GuardConfig{Share: 0.25, Minimum: 3, Window: 30 * time.Second, Hold: time.Hour},
	}}
	// A selector contains compiled state, so compare its text.
	if got.Kube.Selector.String() != want.Kube.Selector.String() {
		t.Errorf("selector %s, want %s", got.Kube.Selector, want.Kube.Selector)
	}
	got.Kube.Selector, want.Kube.Selector = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestErrors: every problem is reported with its line, key and what to write
// instead, all at once. A new case is a new file: a configuration, and the lines
// that a user sees.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text, want := archive.Files[0].Data, string(archive.Files[1].Data)
			_, err = parseConfig(text, archive.Files[0].Name)
			if err == nil {
				t.Fatal("no error")
			}
			if got := err.Error() + "\n"; got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

// TestErrorsAreProblems: the snapshot has a Problem for each error in a changed
// file.
func TestErrorsAreProblems(t *testing.T) {
	_, err := parseConfig([]byte("nmae: edge\nstat: 1\n"), "gateway.yaml")
	problems := configProblems(err)
	if len(problems) != 2 {
		t.Fatalf("%v", problems)
	}
	if got, want := problems[0].String(), "Config nmae (gateway.yaml:1): BadConfig: unknown key, write one of: apiVersion, kind, name, "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := configProblems(errors.New("disk on fire"))[0].Message, "disk on fire"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	_, err := loadConfig(filepath.Join(t.TempDir(), "gateway.yaml"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestFileThatIsTooLong(t *testing.T) {
	_, err := parseConfig(make([]byte, maxConfigBytes+1), "gateway.yaml")
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v", err)
	}
}

// TestFlagsMoveDefaultListeners: the flags do not change listeners in the file.
func TestFlagsMoveDefaultListeners(t *testing.T) {
	addresses := func(c *config) (all []string) {
		for _, l := range c.Listeners {
			all = append(all, l.Address)
		}
		if !reflect.DeepEqual(c.Listeners, c.Kube.Listeners) {
			t.Errorf("the snapshot would have %v", c.Kube.Listeners)
		}
		return all
	}
	byDefault := parsedConfig(t, "")
	byDefault.override("127.0.0.1:1", "", "127.0.0.1:3")
	if got, want := addresses(byDefault), []string{"127.0.0.1:1", ":8443", "127.0.0.1:3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("default listeners at %v, want %v", got, want)
	}
	named := parsedConfig(t, "listeners: [{name: http, protocol: HTTP, address: ':80'}]")
	named.override("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
	if got, want := addresses(named), []string{":80"}; !reflect.DeepEqual(got, want) {
		t.Errorf("named listeners at %v, want %v", got, want)
	}
}

// TestPublishAsBound: without a load balancer, redirects use the listener's port.
func TestPublishAsBound(t *testing.T) {
	c := parsedConfig(t, "")
	c.override("127.0.0.1:1080", "127.0.0.1:1443", "127.0.0.1:0")
	if err := c.publishAsBound(); err != nil {
		t.Fatal(err)
	}
	if c.Listeners[0].PublicPort != 1080 || c.Kube.Listeners[1].PublicPort != 1443 || c.Listeners[2].PublicPort != 0 {
		t.Errorf("%v", c.Listeners)
	}
	for _, address := range []string{"127.0.0.1:0", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000"} {
		c := parsedConfig(t, "")
		c.override(address, "", "")
		if err := c.publishAsBound(); err == nil || !strings.Contains(err.Error(), `listener "http"`) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestNeedsRestart: a running gateway keeps its name and its listeners.
func TestNeedsRestart(t *testing.T) {
	current := parsedConfig(t, "")
	for text, wanted := range map[string]string{
		"redirectHTTPS: false": "",
		"name: edge":           "name: changed",
		"listeners: []":        "listeners: changed",
	} {
		err := parsedConfig(t, text).needsRestart(current)
		if wanted == "" && err != nil || wanted != "" && (err == nil || !strings.HasPrefix(err.Error(), wanted)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzConfig: any file gives either a configuration or an error that names the
// file.
func FuzzConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/config/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseConfig(data, "gateway.yaml")
		if (c == nil) == (err == nil) {
			t.Fatalf("configuration %v, error %v", c, err)
		}
		if err == nil {
			return
		}
		for _, p := range configProblems(err) {
			if p.Object.File != "gateway.yaml" {
				t.Errorf("%v does not name the file", p)
			}
		}
	})
}

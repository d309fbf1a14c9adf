package compile

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
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
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
)

var update = flag.Bool("update", false, "rewrite the wanted text of testdata/*.txtar")

// TestGolden builds the manifests of each archive in testdata and compares the
// Snapshot's text with the archive's file "want". An archive holds, beside
// manifests, "config.json" (see goldenConfig), "certificates" (see
// addCertificates), "externals" (see readExternals), "stored" (see addStored) and
// "before.yaml", manifests that were served before, each if needed.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			objs, extra, cfg, want := readGolden(t, archive)
			builder := &Builder{}
			got := goldenText(builder.BuildWith(objs, extra, cfg))
			if *update {
				writeGolden(t, path, archive, got)
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			checkOrderIndependence(t, objs, extra, cfg, got)
			held := builder.Held(claims.Held{Holdings: extra.Incumbents.Served}, objs.Now)
			restarted := new(Builder).BuildWith(objs, Extra{Incumbents: claims.Incumbents{Recorded: held.Record(1000)}}, cfg)
			if got := goldenText(restarted); got != want {
				t.Errorf("after a restart:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// checkOrderIndependence builds the objects as if they came one part after the
// other, in any order.
func checkOrderIndependence(t *testing.T, objs objects.Objects, extra Extra, cfg *objects.Config, want string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	cold := new(Builder).BuildWith(objs, extra, cfg)
	for range 5 {
		var warm Builder
		for part := range 4 {
			warm.BuildWith(arrived(objs, part, random), extra, cfg)
		}
		got := warm.BuildWith(objs, extra, cfg)
		if text := goldenText(got); text != want {
			t.Fatalf("objects that came in another order give another snapshot:\n%s\nwant:\n%s", text, want)
		}
		if !reflect.DeepEqual(got, cold) {
			t.Fatalf("a warm build differs from a cold one:\n%s\nwant:\n%s", got, cold)
		}
	}
}

// arrived returns a random part of the objects, the more of them the higher part
// is, of 4.
func arrived(o objects.Objects, part int, random *rand.Rand) objects.Objects {
	o.Ingresses = partOf(o.Ingresses, part, random)
	o.Classes = partOf(o.Classes, part, random)
	o.Services = partOf(o.Services, part, random)
	o.Slices = partOf(o.Slices, part, random)
	o.Secrets = partOf(o.Secrets, part, random)
	o.Namespaces = partOf(o.Namespaces, part, random)
	o.ConfigMaps = partOf(o.ConfigMaps, part, random)
	o.DNSEndpoints = partOf(o.DNSEndpoints, part, random)
	o.Nodes = partOf(o.Nodes, part, random)
	o.Stored = partOf(o.Stored, part, random)
	return o
}

func partOf[T comparable](table objects.Table[T], part int, random *rand.Rand) objects.Table[T] {
	for key := range table.All() {
		if random.IntN(4) >= part {
			table = table.Without(key)
		}
	}
	return table
}

func goldenText(s *gatelodge.Snapshot) string {
	text := s.String()
	if !s.RebuildAt.IsZero() {
		text += "rebuild at " + s.RebuildAt.UTC().Format(time.RFC3339Nano) + "\n"
	}
	return text
}

func readGolden(t *testing.T, archive *txtar.Archive) (objects.Objects, Extra, *objects.Config, string) {
	t.Helper()
	var want string
	cfg, now := goldenConfig{}.config(t)
	set, before := manifests.NewObjectSet(), manifests.NewObjectSet()
	for _, file := range archive.Files {
		switch file.Name {
		case "want":
			want = string(file.Data)
		case "config.json":
			cfg, now = parseGoldenConfig(t, file.Data)
		case "before.yaml":
			before.AddManifest(manifests.ReadManifest(file.Name, file.Data, nil))
		case "stored":
			kubetest.AddStored(t, &set.Objects, string(file.Data))
		case "externals":
			set.Objects.Externals = readExternals(t, string(file.Data))
		case "certificates":
			addCertificates(t, set, string(file.Data))
		default:
			set.AddManifest(manifests.ReadManifest(file.Name, file.Data, nil))
		}
	}
	set.Objects.Now, before.Objects.Now = now, now
	var builder Builder
	builder.Build(before.Objects, cfg)
	held := builder.Held(claims.Held{}, now)
	return set.Objects, Extra{Incumbents: claims.Incumbents{Served: held.Holdings}}, cfg, want
}

func writeGolden(t *testing.T, path string, archive *txtar.Archive, got string) {
	t.Helper()
	files := archive.Files[:0]
	for _, file := range archive.Files {
		if file.Name != "want" {
			files = append(files, file)
		}
	}
	archive.Files = append(files, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// goldenConfig is a Config as archives write it. Ingresses without a class are
// ours unless it says otherwise, so that most need none.
type goldenConfig struct {
	Now                 time.Time
	Classes             []string
	Selector            string
	RefuseWithoutClass  bool
	Namespaces          []string
	ShareAny            bool
	DefaultBackend      *objects.ServicePort
	RefuseExternalNames bool
	LoopbackEndpoints   bool
	Admin               []netip.AddrPort
	Zone                string
	Compression         []gatelodge.Coding
	Snippets            bool
	Defaults            map[string]string
	CheckTCP            bool // endpoints are checked where nothing else is asked for
	Views               []struct {
		Name, Service string
		Addresses     []netip.Addr
		Owners        bool
		Namespaces    []string
	}
	Zones []struct {
		Name        gatelodge.Name
		Nameservers []gatelodge.Name
		Views       []string
		Records     []string // name, type, data
		CAA         []string
		AutoCAA     bool
		Grants      []string
		Levels      []string
		TSIGSecret  string // whose keys let clients have a copy
	}
	Catalog             gatelodge.Name // with the keys of the first zone
	HTTPSPort           uint16         // of a listener; 0: there is none
	HTTP                bool           // there is a listener of this protocol
	DNSService          string
	DNSAddresses        []netip.Addr
	DefaultCertificates []string
	ACME                *struct {
		Wildcards  []gatelodge.Name
		Ask        objects.CertificateAsk // for all of them
		KeyTypes   gatelodge.KeyTypes
		EABSecret  string
		Directory  string
		Persistent bool
	}
}

func parseGoldenConfig(t *testing.T, data []byte) (*objects.Config, time.Time) {
	t.Helper()
	var g goldenConfig
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&g); err != nil {
		t.Fatalf("config.json: %v", err)
	}
	return g.config(t)
}

func (g goldenConfig) config(t *testing.T) (*objects.Config, time.Time) {
	t.Helper()
	cfg := &objects.Config{
		Controller: "gatelodge.dev/ingress-controller",
		Classes:    g.Classes, Namespaces: g.Namespaces, WithoutClass: !g.RefuseWithoutClass,
		DefaultBackend: g.DefaultBackend, RefuseExternalNames: g.RefuseExternalNames, Snippets: g.Snippets, LoopbackEndpoints: g.LoopbackEndpoints, Admin: g.Admin, Zone: g.Zone, Defaults: g.Defaults,
		DNSService: kubetest.Namespaced(g.DNSService), DNSAddresses: g.DNSAddresses,
	}
	cfg.HealthCheck = gatelodge.HealthCheck{Path: "/", Interval: 10 * time.Second, Timeout: 2 * time.Second}
	cfg.Compression = gatelodge.Compression{Codings: g.Compression, Types: gatelodge.DefaultCompressedTypes(), MinBytes: gatelodge.DefaultCompressedBytes}
	if g.CheckTCP {
		cfg.HealthCheck.Kind = gatelodge.CheckTCP
	}
	if g.ShareAny {
		cfg.HostSharing = objects.ShareAny
	}
	if g.Selector != "" {
		selector, err := labels.Parse(g.Selector)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Selector = selector
	}
	for _, view := range g.Views {
		cfg.Views = append(cfg.Views, objects.ViewConfig{
			Name: view.Name, Service: kubetest.Namespaced(view.Service), Addresses: view.Addresses, Owners: view.Owners, Namespaces: view.Namespaces,
		})
	}
	for _, z := range g.Zones {
		zone := objects.ZoneConfig{
			Name: z.Name, Nameservers: z.Nameservers, Hostmaster: "hostmaster." + string(z.Name),
			TTL: time.Minute, NegativeTTL: 5 * time.Second, Views: z.Views, CAA: z.CAA, AutoCAA: z.AutoCAA, Grants: z.Grants, Levels: z.Levels,
		}
		if z.TSIGSecret != "" {
			zone.Transfer.Secret = kubetest.Namespaced(z.TSIGSecret)
		}
		for _, text := range z.Records {
			fields := strings.SplitN(text, " ", 3)
			if len(fields) != 3 {
				t.Fatalf("record %q is not of the form: name type data", text)
			}
			zone.Records = append(zone.Records, gatelodge.Record{
				Name: gatelodge.Name(fields[0]), Type: fields[1], TTL: time.Hour, Data: fields[2],
			})
		}
		cfg.Zones = append(cfg.Zones, zone)
	}
	if g.Catalog != "" {
		cfg.Catalog = objects.CatalogConfig{Name: g.Catalog, Views: []string{g.Views[0].Name}, Transfer: cfg.Zones[0].Transfer}
	}
	if g.HTTPSPort != 0 {
		cfg.Listeners = []gatelodge.Listener{{Name: "https", Protocol: gatelodge.HTTPS, PublicPort: g.HTTPSPort}}
	}
	if g.ACME != nil {
		cfg.ACME = &objects.ACMEConfig{KeyTypes: g.ACME.KeyTypes, ACMEAccount: objects.ACMEAccount{ConfigKey: "acme", BindingSecret: kubetest.Namespaced(g.ACME.EABSecret)}}
		cfg.ACME.Account.Directory, cfg.ACME.Account.Persistent = g.ACME.Directory, g.ACME.Persistent
		for _, name := range g.ACME.Wildcards {
			cfg.ACME.Wildcards = append(cfg.ACME.Wildcards, objects.ACMEWildcard{Name: name, Ask: g.ACME.Ask})
		}
		if g.ACME.EABSecret != "" {
			cfg.ACME.Account.BindingID = "id"
		}
	}
	if g.HTTP {
		cfg.Listeners = append(cfg.Listeners, gatelodge.Listener{Name: "http", Protocol: gatelodge.HTTP, PublicPort: 80})
	}
	for _, name := range g.DefaultCertificates {
		cfg.DefaultCertificates = append(cfg.DefaultCertificates, kubetest.Namespaced(name))
	}
	if g.Now.IsZero() {
		g.Now = kubetest.Now
	}
	return cfg, g.Now
}

// addCertificates adds a TLS Secret for each line: its namespace and name, the
// DNS names, and the days at whose start the certificate begins and ends. A fifth word
// is the name of the Certificate for which cert-manager has filled the Secret.
func addCertificates(t *testing.T, set *manifests.ObjectSet, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) != 4 && len(words) != 5 {
			t.Fatalf("certificate %q", line)
		}
		secret := kubetest.TLSSecret(t, words[0], strings.Split(words[1], ","), kubetest.Day(t, words[2]), kubetest.Day(t, words[3]))
		if len(words) == 5 {
			secret.Annotations = map[string]string{objects.CertificateName: words[4]}
		}
		set.Add(&manifests.Item{Kind: objects.KindOf("Secret"), Object: secret})
	}
}

// readExternals reads a name in each line, and its addresses.
func readExternals(t *testing.T, text string) objects.Externals {
	t.Helper()
	var externals objects.Externals
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		known := &objects.External{}
		for _, address := range fields[1:] {
			known.Addresses = append(known.Addresses, netip.MustParseAddr(address))
		}
		externals = externals.With(gatelodge.Name(fields[0]), known)
	}
	return externals
}

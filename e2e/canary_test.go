package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// withAnnotations adds annotations to the manifest of an Ingress, each as "name: value".
func withAnnotations(manifest string, annotations ...string) string {
	return strings.Replace(manifest, "namespace: shop}", "namespace: shop, annotations: {"+strings.Join(annotations, ", ")+"}}", 1)
}

const (
	nginxCanary = `nginx.ingress.kubernetes.io/canary: "true"`
	byHeader    = `nginx.ingress.kubernetes.io/canary-by-header: x-canary`
)

// answered sends a request, with a header field if it has a name, and returns whose
// answer it got.
func answered(client *http.Client, url, name, value string) (string, error) {
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return "", err
	}
	if name != "" {
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	return string(body), err
}

// TestCanaryOfManifests: a canary from its first request to its end, by manifests as
// they are written for ingress-nginx.
func TestCanaryOfManifests(t *testing.T) {
	t.Parallel()
	const url = "http://web.pke.example.com/"
	folder := t.TempDir()
	rest := classManifest + service("old", startBackend(t, "old")) + service("new", startBackend(t, "new"))
	main, next := ingress("web", "web.pke.example.com", "old", ""), ingress("web-canary", "web.pke.example.com", "new", "")
	write(t, folder, "all.yaml", rest+withAnnotations(next, nginxCanary, byHeader, `nginx.ingress.kubernetes.io/canary-weight: "0"`)+main)
	g := serve(t, folder, zoneConfig)
	expect := func(value, want string) {
		t.Helper()
		if got, err := answered(g.Client(), url, "x-canary", value); err != nil || got != want {
			t.Errorf("x-canary: %s is answered by %q (%v), want %q", value, got, err, want)
		}
	}
	share := func() (n int) {
		t.Helper()
		for range 400 {
			got, err := answered(g.Client(), url, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if got == "new" {
				n++
			}
		}
		return n
	}
	expect("always", "new")
	expect("never", "old")
	if n := share(); n != 0 {
		t.Errorf("with weight 0 %d of 400 requests went to the canary", n)
	}

	// In half of the cases, give or take eight standard deviations of 10.
	write(t, folder, "all.yaml", rest+withAnnotations(next, nginxCanary, byHeader, `nginx.ingress.kubernetes.io/canary-weight: "50"`)+main)
	g.Await("the greater weight", func() error {
		page, err := g.Page("/snapshot")
		if err == nil && !strings.Contains(page, "weight=50/100") {
			err = fmt.Errorf("%s", page)
		}
		return err
	})
	if n := share(); n < 120 || n > 280 {
		t.Errorf("with weight 50 %d of 400 requests went to the canary", n)
	}
	page, err := g.Page("/metrics")
	if want := `gatelodge_http_canary_requests_total{by="weight",ingress="web",namespace="shop",service="new"}`; err != nil || !strings.Contains(page, want) {
		t.Errorf("no %s in the metrics (%v)", want, err)
	}

	// The new version is the main one, and the canary is gone.
	write(t, folder, "all.yaml", rest+ingress("web", "web.pke.example.com", "new", ""))
	g.Await("the end of the canary", func() error {
		if got, err := answered(g.Client(), url, "x-canary", "never"); err != nil || got != "new" {
			return fmt.Errorf("%q %w", got, err)
		}
		return nil
	})
	if page, err := g.Page("/api/problems"); err != nil || strings.Contains(page, "canary") {
		t.Errorf("there is a problem: %v\n%s", err, page)
	}
}

// TestCanaryTakesNoPlace: a canary has no host, no record and no place of its own, be
// it older than a main Ingress or without one, or of another namespace.
func TestCanaryTakesNoPlace(t *testing.T) {
	t.Parallel()
	all := func(manifest string) string {
		return withAnnotations(manifest, nginxCanary, `nginx.ingress.kubernetes.io/canary-weight: "100"`)
	}
	foreign := strings.ReplaceAll(all(ingress("older", "web.pke.example.com", "evil", ""))+service("evil", startBackend(t, "evil")), "namespace: shop", "namespace: evil")
	folder := t.TempDir()
	write(t, folder, "all.yaml", classManifest+foreign+all(ingress("alone", "alone.pke.example.com", "main", ""))+
		service("main", startBackend(t, "main"))+ingress("main", "web.pke.example.com", "main", ""))
	g := serve(t, folder, zoneConfig)
	for range 20 {
		if status, body, err := g.Get("http://web.pke.example.com/"); err != nil || status != http.StatusOK || body != "main" {
			t.Errorf("beside a canary of another namespace: %d %q %v, want the main one's answer", status, body, err)
		}
	}
	if status, body, err := g.Get("http://alone.pke.example.com/"); err != nil || status != http.StatusNotFound {
		t.Errorf("without a main Ingress: %d %q %v, want 404", status, body, err)
	}
	if answer, err := g.Query("udp", "alone.pke.example.com", dns.TypeA); err != nil || answer.Rcode != dns.RcodeNameError {
		t.Errorf("without a main Ingress the name resolves: %v %v", answer, err)
	}
}

// TestCanaryKeepsItsClients: a browser with a session stays where it began, when the
// weight grows and when the gateway is another one.
func TestCanaryKeepsItsClients(t *testing.T) {
	t.Parallel()
	const url = "http://web.pke.example.com/"
	folder := t.TempDir()
	weighted := func(weight int) {
		write(t, folder, "all.yaml", classManifest+service("old", startBackend(t, "old"))+service("new", startBackend(t, "new"))+
			withAnnotations(ingress("web", "web.pke.example.com", "old", ""), "nginx.ingress.kubernetes.io/affinity: cookie")+
			withAnnotations(ingress("web-canary", "web.pke.example.com", "new", ""), nginxCanary, fmt.Sprintf("nginx.ingress.kubernetes.io/canary-weight: %q", fmt.Sprint(weight))))
	}
	weighted(50)
	browse := func(g *undertest.Gateway, jar http.CookieJar) string {
		t.Helper()
		client := g.Client()
		client.Jar = jar
		got, err := answered(client, url, "", "")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	g := serve(t, folder, zoneConfig)
	jars, began := make([]http.CookieJar, 40), make([]string, 40)
	for i := range jars {
		jars[i], _ = cookiejar.New(nil) // which fails for no options
		began[i] = browse(g, jars[i])
	}
	if all := strings.Join(began, " "); !strings.Contains(all, "new") || !strings.Contains(all, "old") {
		t.Fatalf("all sessions began at one of the two: %s", all)
	}
	weighted(100)
	other := serve(t, folder, zoneConfig)
	for i, jar := range jars {
		if got := browse(other, jar); got != began[i] {
			t.Errorf("a session that began at %s was answered by %s", began[i], got)
		}
	}
}

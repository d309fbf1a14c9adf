//go:build debian

package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"gatelodge.dev/e2e/undertest"
)

// broken is the demo's host that does not work.
const broken = "basket.shop.pke.example.com"

// startDemo returns the demo and its folder of manifests.
func startDemo(t *testing.T) (g *undertest.Gateway, folder string) {
	t.Helper()
	g = undertest.Start(t, "demo")
	g.Await("its first lines", func() error {
		match := regexp.MustCompile(`(?s)^In a browser.*?  (http://\S+/dashboard/)\n.*manifests in (\S+)\n`).FindStringSubmatch(g.Stdout.String())
		if match == nil || match[1] != "http://"+g.Admin+"/dashboard/" {
			return fmt.Errorf("it has printed %q", g.Stdout.String())
		}
		folder = match[2]
		return nil
	})
	return g, folder
}

// TestDashboard is a person's first minutes: what is wrong, why, and does my change
// help?
func TestDashboard(t *testing.T) {
	g, folder := startDemo(t)
	b := newBrowser(t, g)
	b.like(1400, "light")

	// Find the host, by a part of its name.
	b.open("")
	b.run(chromedp.SendKeys("#q", "basket"+kb.Enter), chromedp.WaitVisible("tr#host-basket\\.shop\\.pke\\.example\\.com a"))
	if rows := b.text("tbody"); !strings.Contains(rows, "broken") || strings.Contains(rows, "echo.shop") {
		t.Errorf("the search finds:\n%s", rows)
	}

	// Read why it does not work.
	b.run(chromedp.Click("tr#host-basket\\.shop\\.pke\\.example\\.com a"), chromedp.WaitVisible("#cause"))
	if cause := b.text("#cause"); !strings.Contains(cause, "It stops here") || !strings.Contains(cause, "port web") {
		t.Errorf("the cause is said to be:\n%s", cause)
	}
	b.picture("broken")

	// Correct it, and see that without a reload.
	b.run(chromedp.Evaluate("window.same = true", nil))
	g.Await("the page to be live", func() error { return b.says("#live", "Live") })
	file := filepath.Join(folder, "broken.yaml")
	manifest, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	undertest.WriteFile(t, file, strings.Replace(string(manifest), "name: web", "name: http", 1))
	g.Await("the page to say that the host works", func() error { return b.says(".lead .state.ok", "ok") })
	var same bool
	b.run(chromedp.Evaluate("window.same === true", &same))
	if !same || b.text("#cause") != "" && strings.Contains(b.text("#cause"), "stops") {
		t.Errorf("reloaded: %v; the cause is %q", !same, b.text("#cause"))
	}
	b.open("changes")
	if changes := b.text("#main"); !strings.Contains(changes, broken) || !strings.Contains(changes, "by Ingress shop/basket") {
		t.Errorf("the change is not among them:\n%s", changes)
	}

	// Confirm what the guard holds.
	var many strings.Builder
	for i := range 30 {
		fmt.Fprintf(&many, "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: many%d, namespace: shop}\n"+
			"spec: {ingressClassName: gatelodge, rules: [{host: many%d.shop.pke.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: echo, port: {name: http}}}}]}}]}\n", i, i)
	}
	undertest.WriteFile(t, filepath.Join(folder, "many.yaml"), many.String())
	b.open("hosts?q=many")
	g.Await("the new hosts on the page", func() error { return b.says(".pager", "30 of 30") })
	if err := os.Remove(filepath.Join(folder, "many.yaml")); err != nil {
		t.Fatal(err)
	}
	b.open("guard")
	g.Await("the guard to hold them", func() error { return b.says(".notice", "30 hosts that went at once are still served") })
	b.picture("guard")
	b.inspect("the guard's list", axe(t))
	b.run(chromedp.Click("button.danger")) // without having read the list
	if err := b.says(".notice", "30 hosts that went at once are still served"); err != nil {
		t.Error(err)
	}
	b.run(chromedp.Click("#read"), chromedp.Click("button.danger"), chromedp.WaitNotPresent("button.danger"))
	g.Await("the guard to hold nothing", func() error { return b.says("#main", "The guard holds nothing") })
	b.open("hosts?q=many")
	g.Await("the hosts to be gone", func() error { return b.says(".pager", "Nothing matches") })
	b.check()
}

// says returns an error unless an element shows a text.
func (b *browser) says(selector, want string) error {
	if text := b.text(selector); !strings.Contains(text, want) {
		return fmt.Errorf("%s says %q, not %q", selector, text, want)
	}
	return nil
}

// TestPagesForEveryone: on a wide screen and a phone, light and dark, axe-core
// objects to nothing, and nothing is wider than the screen.
func TestPagesForEveryone(t *testing.T) {
	g, _ := startDemo(t)
	b := newBrowser(t, g)
	rules := axe(t)
	pages := map[string]string{
		"overview": "", "hosts": "hosts", "host": "host?name=" + broken, "wildcard": "host?name=any.preview.shop.pke.example.com", "unknown": "host?name=nothing.example.org",
		"problems": "problems", "certificates": "certificates", "zones": "zones", "backends": "backends", "changes": "changes", "guard": "guard",
	}
	for name, address := range pages {
		b.open(address)
		for _, width := range []int64{1400, 390} {
			for _, scheme := range []string{"light", "dark"} {
				b.like(width, scheme)
				what := fmt.Sprintf("%s-%d-%s", name, width, scheme)
				b.inspect(what, rules)
				var wide int64
				b.run(chromedp.Evaluate("document.documentElement.scrollWidth", &wide))
				if wide > width {
					t.Errorf("%s is %d wide", what, wide)
				}
				if width == 390 == (scheme == "dark") || name == "host" {
					b.picture(what)
				}
			}
		}
	}

	// The first key of the keyboard's way leads past the navigation.
	b.like(1400, "light")
	b.open("hosts")
	var focus string
	b.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab), chromedp.Evaluate("document.activeElement.id", &focus))
	if focus != "q" {
		t.Errorf("after the first link and another tab the focus is on %q", focus)
	}
	b.check()
}

// TestTenThousandHosts: the list is small and there at once, however many hosts
// there are, and searching goes over all of them.
func TestTenThousandHosts(t *testing.T) {
	dir := t.TempDir()
	manifests := filepath.Join(dir, "manifests")
	if err := os.Mkdir(manifests, 0o700); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web%d, namespace: team%d}\nspec:\n  rules:\n", i, i%10)
		for j := range 100 {
			fmt.Fprintf(&text, "  - {host: host%d.team%d.example.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}\n", 100*i+j, i%10)
		}
	}
	undertest.WriteFile(t, filepath.Join(manifests, "all.yaml"), text.String())
	config := filepath.Join(dir, "gateway.yaml")
	undertest.WriteFile(t, config, "ingress: {withoutClass: true}\ndrain: {delay: 0s, timeout: 1s, tunnels: 1s}\n")
	g := undertest.Start(t, "serve", "--config", config, "--manifests", manifests)
	b := newBrowser(t, g)
	b.like(1400, "light")
	b.open("hosts")
	g.Await("all hosts", func() error { return b.says(".pager", "1–50 of 10,000") })
	var elements, octets int
	b.run(
		chromedp.Evaluate("document.querySelectorAll('*').length", &elements),
		chromedp.Evaluate("performance.getEntriesByType('navigation')[0].decodedBodySize", &octets))
	if elements > 1500 || octets > 64<<10 {
		t.Errorf("the page has %d elements and %d octets", elements, octets)
	}
	// A machine that is busy with something else may take longer, but not always.
	g.Await("a load after which the page is interactive within a second", func() error {
		var milliseconds float64
		b.open("hosts?page=100")
		b.run(chromedp.Evaluate("performance.getEntriesByType('navigation')[0].domInteractive", &milliseconds))
		t.Logf("the list is interactive after %.0f ms", milliseconds)
		if limit := float64(time.Second.Milliseconds()); milliseconds > limit {
			return fmt.Errorf("it took %.0f ms", milliseconds)
		}
		return nil
	})
	b.picture("hosts")
	b.run(chromedp.SendKeys("#q", "host7777 team7")) // without Enter
	g.Await("the host while it is typed", func() error { return b.says("tbody", "host7777.team7.example.test") })
	b.check()
}

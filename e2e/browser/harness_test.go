//go:build debian

package browser_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"gatelodge.dev/e2e/undertest"
)

func TestMain(m *testing.M) { os.Exit(undertest.Main(m.Run)) }

// browser is a Chromium with one page, of a gateway's dashboard.
type browser struct {
	t    *testing.T
	ctx  context.Context
	site string // the address of the dashboard
	at   string // the folder of pictures

	mu     sync.Mutex
	asked  map[string]int // addresses that were asked for
	errors []string       // of the console, and exceptions
}

func newBrowser(t *testing.T, g *undertest.Gateway) *browser {
	t.Helper()
	profile := undertest.Folder(t)
	// Not of t.Context(), which ends before Cancel can end Chromium in good order.
	limited, late := context.WithTimeout(context.WithoutCancel(t.Context()), 15*time.Minute)
	t.Cleanup(late)
	allocator, stop := chromedp.NewExecAllocator(limited, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(profile), chromedp.WSURLReadTimeout(2*time.Minute))...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // which waits until it has ended
		end()
	})
	b := &browser{t: t, ctx: ctx, site: "http://" + g.Admin + "/dashboard/", at: t.ArtifactDir(), asked: map[string]int{}}
	chromedp.ListenTarget(ctx, b.listen)
	b.run(network.Enable(), log.Enable())
	t.Logf("pictures are kept in %s", b.at)
	return b
}

// listen notes what the browser asks for, and what it complains about.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked[event.Request.URL]++
	case *network.EventWebSocketCreated:
		b.asked[event.URL]++
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, event.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		// A page of a name that is not served is a 404, as it should be.
		if event.Entry.Level == log.LevelError && !strings.Contains(event.Entry.Text, "404") {
			b.errors = append(b.errors, event.Entry.Text+" "+event.Entry.URL)
		}
	}
}

func (b *browser) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to a page, given by the address that follows the dashboard's.
func (b *browser) open(address string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.site + address))
}

// text returns what an element shows; "" where there is none.
func (b *browser) text(selector string) (text string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(`document.querySelector(`+"`"+selector+"`"+`)?.innerText ?? ""`, &text))
	return text
}

// like makes the page that of a device: so wide, in a colour scheme.
func (b *browser) like(width int64, scheme string) {
	b.t.Helper()
	b.run(
		emulation.SetDeviceMetricsOverride(width, 900, 1, width < 600),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
}

// picture keeps one of the whole page.
func (b *browser) picture(name string) {
	b.t.Helper()
	var png []byte
	b.run(chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(b.at, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// check fails the test if the page asked for anything of elsewhere, or if the
// browser found something wrong with it.
func (b *browser) check() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	socket := false
	for address := range b.asked {
		own := strings.HasPrefix(address, b.site)
		if strings.HasPrefix(address, "ws://") {
			own = strings.HasPrefix(address, strings.Replace(b.site, "http", "ws", 1)+"live")
			socket = socket || own
		}
		if !own {
			b.t.Errorf("the page asked for %s", address)
		}
	}
	if !socket {
		b.t.Errorf("no page has opened a WebSocket")
	}
	for _, text := range b.errors {
		b.t.Errorf("the browser complains: %s", text)
	}
}

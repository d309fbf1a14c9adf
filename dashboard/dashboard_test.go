package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/explain"
)

// now is the time of all tests.
var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// board is a dashboard whose surroundings a test sets.
type board struct {
	*Dashboard
	live      gatelodge.Live
	guard     Guard
	traffic   []gatelodge.Traffic
	confirmed []string
	failure   error
	now       time.Time

	text        string // which explanations contain
	unexplained error
}

func newBoard(t *testing.T, snapshots ...*gatelodge.Snapshot) *board {
	t.Helper()
	b := &board{now: now}
	b.Dashboard = New("/dashboard/", Config{
		Live: &b.live, Name: "gatelodge-0", Version: "v1",
		Unready: func() string { return "" },
		Serial:  func(gatelodge.Name, string) (uint32, bool) { return 7, true },
		Guard:   func() Guard { return b.guard },
		Confirm: func(_ context.Context, hash string) error {
			b.confirmed = append(b.confirmed, hash)
			return b.failure
		},
		Explain: func(url string) (*explain.Document, error) {
			if b.unexplained != nil {
				return nil, b.unexplained
			}
			d := &explain.Document{URL: "https://" + url, State: explain.Broken, Steps: []explain.Step{
				{Kind: explain.Owner, Title: "Owner", State: explain.OK, Text: "shop" + b.text},
				{Kind: explain.Backend, Title: "Backend" + b.text, State: explain.Broken, Text: "it has no endpoints" + b.text, Do: "start one" + b.text,
					Items: []explain.Item{{Label: "10.0.0.1" + b.text, Text: "refused" + b.text, State: explain.Warning, At: &b.now}}},
			}}
			d.Cause = &explain.Cause{Step: 1, State: explain.Broken, Text: d.Steps[1].Text, Do: d.Steps[1].Do}
			return d, nil
		},
		Traffic: func() []gatelodge.Traffic { return b.traffic },
		Now:     func() time.Time { return b.now },
	})
	t.Cleanup(b.Close)
	for _, s := range snapshots {
		b.swap(s)
	}
	return b
}

func (b *board) swap(s *gatelodge.Snapshot) {
	before, _, _ := b.live.Current()
	b.Swapped(before, s, b.live.Swap(s))
}

// get returns a page, given by the address that follows the dashboard's.
func (b *board) get(t *testing.T, address string) (int, string) {
	t.Helper()
	return b.do(t, httptest.NewRequest("GET", "/dashboard/"+address, nil))
}

func (b *board) do(t *testing.T, r *http.Request) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, r)
	if policy := recorder.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s has the policy %q", r.URL, policy)
	}
	return recorder.Code, recorder.Body.String()
}

// served is a Snapshot with a bit of everything, in which texts that authors choose
// contain text.
func served(text string) *gatelodge.Snapshot {
	object := gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: "web" + text, File: "shop.yaml", Line: 3}
	certificate := &gatelodge.Certificate{
		Source: gatelodge.FromSecret, Object: gatelodge.Object{Kind: "Secret", Namespace: "shop", Name: "tls" + text},
		Names: []gatelodge.Name{"*.example.com"}, NotBefore: now.Add(-80 * 24 * time.Hour), NotAfter: now.Add(48 * time.Hour), Fingerprint: strings.Repeat("ab", 32),
	}
	web := &gatelodge.Backend{Key: "shop/web:80", Namespace: "shop", Service: "web", Protocol: gatelodge.BackendHTTP,
		Endpoints: []gatelodge.Endpoint{{Address: netip.MustParseAddrPort("10.0.0.1:80")}, {Address: netip.MustParseAddrPort("10.0.0.2:80"), Draining: true}}}
	gone := &gatelodge.Backend{Key: "shop/gone:80", Namespace: "shop", Service: "gone", Protocol: gatelodge.BackendHTTP}
	return &gatelodge.Snapshot{
		Hosts: gatelodge.HostMap(
			&gatelodge.Host{Name: "web.example.com", Owner: "shop", WantsTLS: true, Certificates: []*gatelodge.Certificate{certificate},
				Routes: []*gatelodge.Route{{Path: "/" + text, Backend: web.Key, Policy: &gatelodge.Policy{AppRoot: "/" + text}, Object: object}}},
			&gatelodge.Host{Name: "gone.example.com", Owner: "shop",
				Routes: []*gatelodge.Route{{Path: "/", Backend: gone.Key, Policy: &gatelodge.Policy{}, Object: gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: "gone"}}}},
			&gatelodge.Host{Name: "shut.example.com", Owner: "office",
				Routes: []*gatelodge.Route{{Path: "/", Backend: web.Key, Policy: &gatelodge.Policy{Unavailable: "no users" + text}, Object: gatelodge.Object{Kind: "Ingress", Namespace: "office", Name: "shut"}}}},
			&gatelodge.Host{Name: "*.open.example.com", Owner: "office", Routes: []*gatelodge.Route{{Path: "/", Backend: web.Key, Policy: &gatelodge.Policy{}}}},
		),
		Backends:            gatelodge.BackendMap(web, gone),
		DefaultCertificates: []*gatelodge.Certificate{certificate},
		Views: []*gatelodge.View{{Name: "default", Zones: []*gatelodge.Zone{{Name: "example.com", Primary: "ns1.example.com", Nodes: gatelodge.NodeMap(
			&gatelodge.Node{Name: "web.example.com", Records: []gatelodge.Record{{Name: "web.example.com", Type: "TXT", TTL: time.Minute, Data: `"` + text + `"`}}})}}}},
		Problems: problems(gatelodge.Problem{Object: object, Reason: gatelodge.BackendMissing, Message: "no such port" + text}),
	}
}

// problems makes a Map of them.
func problems(list ...gatelodge.Problem) gatelodge.Map[gatelodge.Problem, bool] {
	edit := gatelodge.Map[gatelodge.Problem, bool]{}.Edit()
	for _, p := range list {
		edit.Set(p, true)
	}
	return edit.Map()
}

// addresses are those of all pages.
var addresses = []string{
	"", "hosts", "host?name=web.example.com", "host?name=shut.example.com", "host?name=any.open.example.com", "host?name=nothing.example.com", "host?name=",
	"problems", "certificates", "zones", "backends", "changes", "guard",
}

// TestPagesHoldNoMarkupOfOthers: what teams wrote is text, and it looks like what it is.
func TestPagesHoldNoMarkupOfOthers(t *testing.T) {
	hostile := "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}\u202egnp\u200b\nrow\x00"
	s := served(hostile)
	b := newBoard(t, served(""), s)
	b.guard = Guard{Text: "the guard holds" + hostile, Hash: "abc" + hostile, Hosts: []gatelodge.Name{gatelodge.Name("a" + hostile)}, Objects: []gatelodge.Object{{Kind: "Ingress", Name: hostile}}}
	b.text = hostile
	b.Name, b.Version = "pod"+hostile, "v1"+hostile
	b.Unready = func() string { return "it waits" + hostile }
	for _, address := range append(addresses,
		"hosts?q="+url.QueryEscape(hostile), "hosts?only="+url.QueryEscape(hostile), "problems?q="+url.QueryEscape(hostile), "host?name="+url.QueryEscape(hostile), "hosts?page=%22%3E", "guard?confirmed="+url.QueryEscape(hostile)) {
		_, body := b.get(t, address)
		if strings.ContainsAny(body, "\u202e\u200b\x00") {
			t.Errorf("%s shows what can't be seen", address)
		}
		root, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "img" || n.Data == "script" && (attribute(n, "src") != "live.js" || n.FirstChild != nil) {
				t.Errorf("%s has the element %s", address, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.HasPrefix(strings.ToLower(a.Val), "javascript:") {
					t.Errorf("%s has the attribute %s=%q", address, a.Key, a.Val)
				}
			}
		}
		if !strings.Contains(body, "&lt;script&gt;") {
			t.Errorf("%s does not show the text", address)
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// TestPagesWorkWithoutScript: all links lead to pages, whatever page they are on,
// fields have labels, and no name of an element stands twice.
func TestPagesWorkWithoutScript(t *testing.T) {
	b := newBoard(t, served(""), served("x"))
	b.guard = Guard{Text: "the guard holds the withdrawal of 1 hosts", Hash: "abc", Hosts: []gatelodge.Name{"gone.example.com"}, Until: now}
	seen := map[string]bool{}
	ask := append([]string{}, addresses...)
	for len(ask) > 0 {
		address := ask[0]
		ask = ask[1:]
		if seen[address] {
			continue
		}
		seen[address] = true
		status, body := b.get(t, address)
		if status != http.StatusOK && (status != http.StatusNotFound || !strings.HasPrefix(address, "host?")) {
			t.Errorf("%s: %d", address, status)
		}
		if address == "style.css" || address == "live.js" || address == "icon.svg" {
			continue
		}
		root, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		labels, ids := map[string]bool{}, map[string]bool{}
		var fields []string
		for n := range root.Descendants() {
			if id := attribute(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("%s has two elements %s", address, id)
				}
				ids[id] = true
			}
			switch n.Data {
			case "label":
				labels[attribute(n, "for")] = true
			case "input":
				if attribute(n, "type") != "hidden" {
					fields = append(fields, attribute(n, "id"))
				}
			case "a", "link", "script":
				to := attribute(n, "href") + attribute(n, "src")
				to, _, _ = strings.Cut(to, "#")
				to = strings.TrimPrefix(to, "./")
				if strings.Contains(to, "//") || strings.HasPrefix(to, "/") {
					t.Errorf("%s has a link that is not relative: %s", address, to)
				}
				if !strings.HasPrefix(to, "../") {
					ask = append(ask, to)
				}
			}
		}
		for _, field := range fields {
			if !labels[field] {
				t.Errorf("%s has a field %q without a label", address, field)
			}
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d pages were found", len(seen))
	}
}

// TestHostsAreFound: by name, owner and object, and by how they are.
func TestHostsAreFound(t *testing.T) {
	b := newBoard(t, served("x"))
	for query, want := range map[string][]string{
		"q=web.example":          {"web.example.com"},
		"q=OFFICE":               {"shut.example.com", "*.open.example.com"},
		"q=shop+ingress+gone":    {"gone.example.com"},
		"q=webx":                 {"web.example.com"},
		"only=broken":            {"gone.example.com", "shut.example.com"},
		"only=broken&q=gone":     {"gone.example.com"},
		"only=warning":           {"web.example.com"},
		"only=ok":                {"*.open.example.com"},
		"q=nothing":              {},
		"q=web.example&page=99":  {"web.example.com"},
		"q=web.example&page=-1":  {"web.example.com"},
		"q=web.example&page=one": {"web.example.com"},
	} {
		status, body := b.get(t, "hosts?"+query)
		for _, name := range []string{"web.example.com", "gone.example.com", "shut.example.com", "*.open.example.com"} {
			found, wanted := strings.Contains(body, `id="host-`+name+`"`), false
			for _, w := range want {
				wanted = wanted || w == name
			}
			if status != http.StatusOK || found != wanted {
				t.Errorf("hosts?%s: %d, found %s is %v", query, status, name, found)
			}
		}
	}
	if _, body := b.get(t, "hosts?q=lost.example.com"); !strings.Contains(body, `href="host?name=lost.example.com"`) {
		t.Error("a name that no host has is not asked about")
	}
	for name, why := range map[string]string{
		"gone.example.com": "shop/gone:80 has no endpoints", "shut.example.com": "no usersx", "web.example.com": "no such portx",
		"some.open.example.com": "answered by", "lost.example.com": "No host has this name",
	} {
		if _, body := b.get(t, "host?name="+name); !strings.Contains(body, why) {
			t.Errorf("the page of %s does not say %q", name, why)
		}
	}
}

// TestHostsAreExplained: the page marks where requests stop, for the path that does
// not work unless another one is asked about.
func TestHostsAreExplained(t *testing.T) {
	b := newBoard(t, served("x"))
	for address, want := range map[string]string{
		"host?name=gone.example.com":                "https://gone.example.com/",
		"host?name=shut.example.com":                "https://shut.example.com/",
		"host?name=web.example.com":                 "https://web.example.com/",
		"host?name=web.example.com&path=/a%20b%3Fc": "https://web.example.com/a%20b%3Fc",
		"host?name=nothing.example.com&path=/x":     "https://nothing.example.com/x",
	} {
		_, body := b.get(t, address)
		for _, part := range []string{">" + want + "<", "It stops here:", "it has no endpoints", "What to do:", "start one", "10.0.0.1", "refused", "2026-11-28 12:00:00 UTC"} {
			if !strings.Contains(body, part) {
				t.Errorf("%s is without %q", address, part)
			}
		}
	}
	if _, body := b.get(t, "host?name=web.example.com"); !strings.Contains(body, `href="host?name=web.example.com&amp;path=%2Fx"`) {
		t.Error("a route does not lead to what happens to its path")
	}
	b.unexplained = errors.New("it can't be said now")
	if status, body := b.get(t, "host?name=web.example.com"); status != http.StatusOK || !strings.Contains(body, "it can&#39;t be said now") {
		t.Errorf("without an explanation: %d", status)
	}
}

// TestWithdrawnHostsAreMarked: a host that the guard keeps is not ok.
func TestWithdrawnHostsAreMarked(t *testing.T) {
	b := newBoard(t, served(""))
	if _, body := b.get(t, "hosts?only=ok"); !strings.Contains(body, "host-*.open.example.com") {
		t.Fatal("the host is not ok to begin with")
	}
	b.guard = Guard{Text: "it holds", Hash: "1", Hosts: []gatelodge.Name{"*.open.example.com"}}
	if _, body := b.get(t, "hosts?only=warning"); !strings.Contains(body, "it was withdrawn, and the guard keeps it") {
		t.Error("a withdrawn host is not marked")
	}
}

// TestTenThousandHosts: pages stay small however much there is.
func TestTenThousandHosts(t *testing.T) {
	const n = 10_000
	var hosts []*gatelodge.Host
	var backends []*gatelodge.Backend
	var all []gatelodge.Problem
	for i := range n {
		object := gatelodge.Object{Kind: "Ingress", Namespace: fmt.Sprintf("team%d", i%100), Name: fmt.Sprintf("web%d", i)}
		key := gatelodge.BackendKey(fmt.Sprintf("team%d/web%d:80", i%100, i))
		backends = append(backends, &gatelodge.Backend{Key: key, Namespace: object.Namespace, Service: object.Name})
		hosts = append(hosts, &gatelodge.Host{Name: gatelodge.Name(fmt.Sprintf("host%d.example.com", i)), Owner: object.Namespace,
			Routes:       []*gatelodge.Route{{Path: "/", Backend: key, Policy: &gatelodge.Policy{}, Object: object}},
			Certificates: []*gatelodge.Certificate{{Names: []gatelodge.Name{"a.example.com"}, NotAfter: now, Fingerprint: fmt.Sprint(i)}}})
		all = append(all, gatelodge.Problem{Object: object, Reason: gatelodge.BackendMissing, Message: "none"})
	}
	b := newBoard(t, &gatelodge.Snapshot{Hosts: gatelodge.HostMap(hosts...), Backends: gatelodge.BackendMap(backends...), Problems: problems(all...)})
	for _, host := range hosts {
		b.guard.Hosts = append(b.guard.Hosts, host.Name)
	}
	b.guard.Text, b.guard.Hash = "it holds", "1"
	for _, address := range []string{"", "hosts", "hosts?page=150", "hosts?q=host77", "problems", "certificates", "backends", "changes", "host?name=host1.example.com"} {
		status, body := b.get(t, address)
		if status != http.StatusOK || len(body) > 64<<10 {
			t.Errorf("%s: %d, %d octets", address, status, len(body))
		}
	}
	if _, body := b.get(t, "hosts?page=200"); strings.Count(body, `<tr id="host-`) != perPage || !strings.Contains(body, "9,951–10,000 of 10,000") {
		t.Error("the last page has not the last hosts")
	}
	if _, body := b.get(t, "guard"); strings.Count(body, "<li><a class=\"mono\"") != mostHeld || !strings.Contains(body, "and 9,000 more") {
		t.Error("the guard's page has all hosts")
	}
	first := b.indexed()
	if b.indexed() != first {
		t.Error("the index is made for each page")
	}
	b.now = b.now.Add(indexAge)
	if b.indexed() == first {
		t.Error("the index outlives its time")
	}
}

// TestNothingIsServedYet: there are pages before the first Snapshot.
func TestNothingIsServedYet(t *testing.T) {
	b := newBoard(t)
	for _, address := range addresses {
		if status, body := b.get(t, address); status >= 500 || !strings.Contains(body, "Nothing is served yet") {
			t.Errorf("%s: %d", address, status)
		}
	}
}

// TestConfirming: what is confirmed is what was read.
func TestConfirming(t *testing.T) {
	b := newBoard(t, served(""))
	b.guard = Guard{Text: "it holds", Hash: "5e1f", Hosts: []gatelodge.Name{"web.example.com"}, Until: now}
	if _, body := b.get(t, "guard"); !strings.Contains(body, `name="hash" value="5e1f"`) || !strings.Contains(body, "web.example.com") {
		t.Errorf("the page has not the list:\n%s", body)
	}
	post := func(form string) (int, string) {
		r := httptest.NewRequest("POST", "/dashboard/guard", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return b.do(t, r)
	}
	for _, form := range []string{"", "hash=5e1f", "read=yes", "hash=5e1f&read=no", "hash=5e1f&read=yes&" + strings.Repeat("x", 5<<10)} {
		if status, _ := post(form); status != http.StatusBadRequest || len(b.confirmed) > 0 {
			t.Errorf("%.40q: %d, confirmed %q", form, status, b.confirmed)
		}
	}
	for _, method := range []string{"PUT", "DELETE"} {
		if status, _ := b.do(t, httptest.NewRequest(method, "/dashboard/guard?hash=5e1f&read=yes", nil)); status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, status)
		}
	}
	if status, _ := b.get(t, "guard?hash=5e1f&read=yes"); status != http.StatusOK || len(b.confirmed) > 0 {
		t.Errorf("a GET confirmed %q", b.confirmed)
	}
	if status, _ := post("hash=5e1f&read=yes"); status != http.StatusSeeOther || len(b.confirmed) != 1 || b.confirmed[0] != "5e1f" {
		t.Errorf("%d, confirmed %q", status, b.confirmed)
	}
	b.failure = fmt.Errorf("%w: something else by now", ErrNotConfirmed)
	if status, body := post("hash=5e1f&read=yes"); status != http.StatusConflict || !strings.Contains(body, "something else by now") {
		t.Errorf("another list: %d", status)
	}
	b.failure = errors.New("forbidden")
	if status, body := post("hash=5e1f&read=yes"); status != http.StatusBadGateway || !strings.Contains(body, "on this replica only: forbidden") {
		t.Errorf("others are not told: %d", status)
	}
}

package compare

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// compareServers compares two handlers, which are served over TLS as
// example.com, by a list of URLs.
func compareServers(t *testing.T, a, b http.HandlerFunc, list string, change func(*Options)) (map[string]Result, Summary) {
	t.Helper()
	opts := Options{
		Fields: DefaultFields(), Methods: SafeMethods(), Rate: 10_000, Concurrency: 4, Most: 100, Timeout: time.Minute,
		Roots: x509.NewCertPool(),
	}
	for _, side := range []struct {
		handler http.HandlerFunc
		to      *Address
	}{{a, &opts.A}, {b, &opts.B}} {
		server := httptest.NewUnstartedServer(side.handler)
		server.EnableHTTP2 = true
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		opts.Roots.AddCert(server.Certificate()) // for example.com
		address, err := ParseAddress(server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		*side.to = address
	}
	if change != nil {
		change(&opts)
	}
	results := make(map[string]Result)
	summary, err := Run(t.Context(), Lines(strings.NewReader(list), nil), opts, func(r Result) { results[r.Request.URL.Path] = r }, func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	return results, summary
}

func parts(list []Difference) string {
	var names []string
	for _, d := range list {
		names = append(names, fmt.Sprintf("%s %q %q", d.Part, d.A, d.B))
	}
	return strings.Join(names, "; ")
}

// answers is a handler of which each path says something of its own.
func answers(side string) http.HandlerFunc {
	pick := func(a, b string) string {
		if side == "a" {
			return a
		}
		return b
	}
	var count atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", fmt.Sprint(side, count.Add(1)))
		w.Header().Set("Server", side)
		switch r.URL.Path {
		case "/status":
			if side == "b" {
				w.WriteHeader(http.StatusNotFound)
			}
		case "/location":
			w.Header().Set("Location", pick("https://example.com/to/", "https://example.com/to"))
			w.WriteHeader(http.StatusPermanentRedirect)
		case "/field":
			w.Header().Set("Cache-Control", pick("no-store", "no-cache"))
		case "/other-field":
			w.Header().Set("X-Team", pick("red", "blue"))
		case "/body":
			io.WriteString(w, pick("one", "two"))
		case "/cookie-value":
			w.Header().Set("Set-Cookie", pick("id=1; Path=/; Expires=Sat, 28 Nov 2026 15:00:00 GMT", "id=2; Expires=Sat, 28 Nov 2026 15:00:01 GMT; Path=/"))
		case "/cookie-attributes":
			w.Header().Set("Set-Cookie", pick("id=1; Path=/; Secure", "id=1; Path=/"))
		case "/cookie-deleted":
			w.Header().Set("Set-Cookie", pick("id=; Path=/", "id=1; Path=/"))
		case "/varies":
			w.Header().Set("Cache-Control", fmt.Sprint("x-", side, "=", count.Load()))
		case "/host":
			if r.Host != "example.com" || r.TLS.ServerName != "example.com" {
				w.WriteHeader(http.StatusMisdirectedRequest)
			}
		case "/broken":
			if side == "b" {
				panic(http.ErrAbortHandler)
			}
		case "/no-answer":
			panic(http.ErrAbortHandler)
		}
	}
}

func TestDifferences(t *testing.T) {
	var list strings.Builder
	for _, path := range []string{"same", "status", "location", "field", "other-field", "body", "cookie-value", "cookie-attributes", "cookie-deleted", "varies", "host", "broken", "no-answer"} {
		fmt.Fprintf(&list, "https://example.com/%s\n", path)
	}
	results, summary := compareServers(t, answers("a"), answers("b"), list.String(), nil)
	for path, want := range map[string]string{
		"/same": "", "/host": "", "/other-field": "", "/body": "", "/cookie-value": "", "/varies": "",
		"/status":            `status "200" "404"`,
		"/location":          `location "https://example.com/to/" "https://example.com/to"`,
		"/field":             `cache-control "no-store" "no-cache"`,
		"/cookie-attributes": `set-cookie "id=…; Path=/; Secure" "id=…; Path=/"`,
		"/cookie-deleted":    `set-cookie "id=; Path=/" "id=…; Path=/"`,
	} {
		if got := parts(results[path].Differences); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := parts(results["/varies"].Varies); !strings.HasPrefix(got, "cache-control") {
		t.Errorf("/varies: %s", got)
	}
	if got := results["/host"]; len(got.Varies) > 0 {
		t.Errorf("/host: %v", got)
	}
	for _, path := range []string{"/broken", "/no-answer"} {
		if got := results[path].Differences; len(got) != 1 || got[0].Part != "answer" || !strings.HasPrefix(got[0].B, "none: ") {
			t.Errorf("%s: %s", path, parts(got))
		}
	}
	if want := (Summary{Compared: 13, Same: 6, Different: 7, Varying: 1}); summary != want {
		t.Errorf("%+v, want %+v", summary, want)
	}
}

func TestWhatIsCompared(t *testing.T) {
	list := "https://example.com/body\nhttps://example.com/other-field\nhttps://example.com/field\n"
	results, _ := compareServers(t, answers("a"), answers("b"), list, func(o *Options) {
		o.Fields, o.Ignore, o.Bodies = []string{AllFields}, []string{"cache-control"}, true
	})
	for path, want := range map[string]string{"/field": "", "/other-field": `x-team "red" "blue"`} {
		if got := parts(results[path].Differences); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := results["/body"].Differences; len(got) != 1 || got[0].Part != "body" || !strings.HasPrefix(got[0].A, "3 bytes") {
		t.Errorf("/body: %s", parts(got))
	}
}

// TestOnlyWhatIsSafeIsSent: nothing of a log that might change something, nothing
// twice, and no more than was asked for.
func TestOnlyWhatIsSafeIsSent(t *testing.T) {
	var mu sync.Mutex
	got := make(map[string]int)
	count := func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.Method+" "+r.URL.Path]++
	}
	list := `POST https://example.com/buy
DELETE https://example.com/
https://example.com/1
https://example.com/1
HEAD https://example.com/1
not a URL
https://example.com/2
https://example.com/3`
	_, summary := compareServers(t, count, count, list, func(o *Options) { o.Most = 3 })
	if want := (Summary{Compared: 3, Same: 3, Repeated: 1, Unsafe: 2, Unread: 1, LeftOut: 1}); summary != want {
		t.Errorf("%+v, want %+v", summary, want)
	}
	if len(got) != 3 || got["GET /1"] != 2 || got["HEAD /1"] != 2 || got["GET /2"] != 2 {
		t.Errorf("the servers got %v", got)
	}
}

// TestConcurrencyIsBounded: each server has at most so many requests at a time.
func TestConcurrencyIsBounded(t *testing.T) {
	const most = 3
	var now atomic.Int64
	full := make(chan struct{})
	arrived := make(chan struct{}, 100)
	busy := func(w http.ResponseWriter, r *http.Request) {
		if n := now.Add(1); n > most {
			t.Errorf("%d requests at a time", n)
		}
		arrived <- struct{}{}
		<-full
		now.Add(-1)
	}
	go func() {
		for range most {
			<-arrived
		}
		close(full)
	}()
	var list strings.Builder
	for i := range 20 {
		fmt.Fprintf(&list, "https://example.com/%d\n", i)
	}
	_, summary := compareServers(t, busy, func(http.ResponseWriter, *http.Request) {}, list.String(), func(o *Options) { o.Concurrency = most })
	if summary.Same != 20 {
		t.Errorf("%+v", summary)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	same := func(http.ResponseWriter, *http.Request) {}
	const list = "https://example.com/"
	for _, c := range []struct {
		what   string
		change func(*Options)
		came   bool
	}{
		{"an unknown CA", func(o *Options) { o.Roots = x509.NewCertPool() }, false},
		{"an unknown CA that is not asked", func(o *Options) { o.Roots, o.Insecure = x509.NewCertPool(), true }, true},
	} {
		results, _ := compareServers(t, same, same, list, c.change)
		if came := len(results["/"].Differences) == 0; came != c.came {
			t.Errorf("%s: %s", c.what, parts(results["/"].Differences))
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	address, err := ParseAddress(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	endless := func(yield func(Request, error) bool) {
		for i := 0; ; i++ {
			request, err := newRequest("GET", fmt.Sprintf("http://example.com/%d", i))
			if !yield(request, err) {
				return
			}
		}
	}
	opts := Options{A: address, B: address, Methods: SafeMethods(), Rate: 1000, Concurrency: 2, Most: 1 << 30, Timeout: time.Minute}
	if _, err := Run(ctx, endless, opts, func(Result) {}, func(error) {}); err == nil {
		t.Error("no error")
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for i, opts := range []Options{{}, {Rate: 1}, {Rate: 1, Concurrency: 1}, {Rate: 1, Concurrency: 1, Most: 1}} {
		if err := opts.Check(); err == nil {
			t.Errorf("%d is accepted", i)
		}
	}
	if got := Names(" Set-Cookie, ,VARY"); !slices.Equal(got, []string{"set-cookie", "vary"}) {
		t.Error(got)
	}
}

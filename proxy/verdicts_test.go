package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

func cached(t *testing.T, key string) func(*gatelodge.Policy) {
	return func(p *gatelodge.Policy) {
		p.ExternalAuth.CacheKey = template(t, key)
		p.ExternalAuth.CacheFor = []gatelodge.AuthCacheRule{{Statuses: []uint16{200, 202, 401}, For: 5 * time.Minute}}
		p.ExternalAuth.ResponseFields = []string{"x-auth-user"}
	}
}

// TestAuthCache: an answer holds for the requests of which the key is the same, on the
// same route, and brings the same fields.
func TestAuthCache(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		service := &authService{handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Auth-User", r.Header.Get("X-By"))
			switch r.Header.Get("X-By") {
			case "stranger":
				w.Header().Set("WWW-Authenticate", "Bearer")
				w.WriteHeader(401)
			case "enemy":
				w.WriteHeader(403)
			}
		}}
		g := start(t, authApp(t, service, cached(t, "$http_x_by$cookie_of")), func(s *gatelodge.Snapshot) {
			other := route1("/other", appKey)
			other.Policy = onlyHost(s).Routes[1].Policy
			onlyHost(s).Routes = append([]*gatelodge.Route{other}, onlyHost(s).Routes...)
		})
		client := g.client(m)
		for i, c := range []struct {
			path, by, of string
			status       int
			asked        bool
		}{
			{"/", "anna", "", 200, true},
			{"/x?y", "anna", "", 200, false}, // the key has no path
			{"/", "ann", "a", 200, true},     // the same text in other parts
			{"/", "ann", "a", 200, false},
			{"/", "Anna", "", 200, true},
			{"/other", "anna", "", 200, true}, // another route
			{"/other", "anna", "", 200, false},
			{"/", "stranger", "", 401, true},
			{"/", "stranger", "", 401, false},
			{"/", "enemy", "", 403, true},
			{"/", "enemy", "", 403, true}, // no rule has 403
		} {
			before := service.count()
			r := newRequest(t, "GET", m.url(appHost, c.path), nil)
			r.Header.Set("X-By", c.by)
			r.Header.Set("X-Auth-User", "spoofed")
			if c.of != "" {
				r.Header.Set("Cookie", "of="+c.of)
			}
			got := do(t, client, r)
			if asked := service.count() > before; got.StatusCode != c.status || asked != c.asked {
				t.Errorf("%d: got %d, asked %v", i, got.StatusCode, asked)
			}
			if c.status == 200 && lineOf(got.body, "X-Auth-User: ") != c.by {
				t.Errorf("%d: got %s", i, got.body)
			}
			if c.status == 401 && got.Header.Get("Www-Authenticate") != "Bearer" {
				t.Errorf("%d: got %v", i, got.Header)
			}
		}
	})
}

// TestAuthCacheOfAnotherQuestion: what a service said is not what another one says, or
// the same one to another question.
func TestAuthCacheOfAnotherQuestion(t *testing.T) {
	service := &authService{handler: saysStatus(200)}
	g := start(t, authApp(t, service, cached(t, "all")))
	_ = g.get(h1, "/")
	before := service.count()
	current, _, _ := g.live.Current()
	next := *current
	host := *next.Hosts.Get(appHost)
	policy := *host.Routes[1].Policy
	auth := *policy.ExternalAuth
	auth.Target = template(t, "/verify/admin")
	policy.ExternalAuth = &auth
	route := *host.Routes[1]
	route.Policy = &policy
	host.Routes = []*gatelodge.Route{&route}
	next.Hosts = next.Hosts.With(appHost, &host)
	g.live.Swap(&next)
	service.answers(saysStatus(403))
	if got := g.get(h1, "/").StatusCode; got != 403 || service.count() != before+1 {
		t.Errorf("got %d, asked %d", got, service.count()-before)
	}
}

// TestKeepFor: nginx's proxy_cache_valid, after what the answer says itself.
func TestKeepFor(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		fields string
		want   time.Duration
	}{
		{"", time.Minute},
		{"set-cookie: a=1", 0},
		{"vary: cookie", 0},
		{"cache-control: no-store", 0},
		{"cache-control: max-age=9, Private", 0},
		{"cache-control: no-cache", 0},
		{"cache-control: max-age=9", 9 * time.Second},
		{"cache-control: max-age=0", 0},
		{"cache-control: s-maxage=3, max-age=9", 3 * time.Second},
		{"cache-control: max-age=9, s-maxage=3", 3 * time.Second},
		{"cache-control: max-age=much", 0},
		{"cache-control: public", time.Minute},
		{"expires: Sat, 28 Nov 2026 12:00:30 GMT", 30 * time.Second},
		{"expires: Sat, 28 Nov 2026 11:00:00 GMT", 0},
		{"expires: 0", 0},
		{"expires: 0|cache-control: max-age=9", 9 * time.Second},
		{"x-accel-expires: 7|cache-control: no-store", 7 * time.Second},
		{"x-accel-expires: 0", 0},
	} {
		var header exchange.Fields
		for field := range strings.SplitSeq(c.fields, "|") {
			if name, value, ok := strings.Cut(field, ": "); ok {
				header.Add(name, value)
			}
		}
		if got := keepFor(header, time.Minute, now); got != c.want {
			t.Errorf("%s: got %s, want %s", c.fields, got, c.want)
		}
	}
}

// TestVerdictsEnd: a verdict ends with its time.
func TestVerdictsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newVerdicts()
		key := verdictKeyOf([]string{"a"})
		c.keep(key, &verdict{status: 200, keep: time.Minute}, "shop", time.Now())
		time.Sleep(time.Minute - time.Nanosecond)
		if c.get(key, time.Now()) == nil {
			t.Error("forgotten before its time")
		}
		time.Sleep(time.Nanosecond)
		if c.get(key, time.Now()) != nil || len(c.kept)+len(c.shares)+c.size != 0 {
			t.Errorf("kept for longer: %d, %d, %d", len(c.kept), len(c.shares), c.size)
		}
	})
}

// TestVerdictsAreBounded: a flood of one namespace forgets its own verdicts alone, the
// oldest first, and all namespaces together have a bound.
func TestVerdictsAreBounded(t *testing.T) {
	c, now := newVerdicts(), time.Now()
	large := &verdict{status: 200, keep: time.Hour, challenges: []string{strings.Repeat("x", 4<<10)}}
	keep := func(namespace string, i int) verdictKey {
		key := verdictKeyOf([]string{namespace, fmt.Sprint(i)})
		c.keep(key, large, namespace, now)
		return key
	}
	mine := keep("blog", 0)
	oldest := keep("shop", 0)
	for i := range 4 * mostOfTeam / large.size() {
		keep("shop", i+1)
		if share := c.shares["shop"].size; share > mostOfTeam {
			t.Fatalf("a namespace has %d bytes", share)
		}
	}
	if c.get(mine, now) == nil || c.get(oldest, now) != nil {
		t.Error("another namespace's was forgotten, or not the oldest")
	}
	for n := range 3 * mostOfVerdicts / mostOfTeam {
		for i := range mostOfTeam / large.size() {
			keep(fmt.Sprint("team", n), i)
		}
		if c.size > mostOfVerdicts {
			t.Fatalf("all have %d bytes", c.size)
		}
	}
	if c.get(mine, now) == nil {
		t.Error("one that has little has to forget for those that have much")
	}
	total := 0
	for _, s := range c.shares {
		total += s.size
	}
	if total != c.size || len(c.kept)*large.size() != total {
		t.Errorf("counted %d, the shares have %d, and %d are kept", c.size, total, len(c.kept))
	}
	huge := &verdict{status: 200, keep: time.Hour, challenges: []string{strings.Repeat("x", mostVerdict)}}
	key := verdictKeyOf([]string{"huge"})
	if c.keep(key, huge, "shop", now); c.get(key, now) != nil {
		t.Error("a huge verdict is kept")
	}
}

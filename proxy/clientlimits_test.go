package proxy

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unique"

	gatelodge "gatelodge.dev"
)

func policy(p *gatelodge.Policy) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) {
		for _, r := range onlyHost(s).Routes {
			r.Policy = p
		}
	}
}

// TestRateOfAClient: the burst passes, and then no more, before and after a
// change of the Snapshot; clients that are exempt go on.
func TestRateOfAClient(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		build := app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok))
		limits := &gatelodge.ClientLimits{PerMinute: 1, Burst: 5} // one more will be due in a minute
		g := start(t, build, policy(&gatelodge.Policy{ClientLimits: limits}))
		client := g.client(m)
		ask := func() answerOf { return do(t, client, newRequest(t, "GET", m.url(appHost, "/"), nil)) }
		for range 6 {
			if got := ask().StatusCode; got != 200 {
				t.Fatalf("within the burst: got %d", got)
			}
		}
		swap := func(l *gatelodge.ClientLimits) {
			s := plainSnapshot()
			build(s)
			policy(&gatelodge.Policy{ClientLimits: l})(s)
			g.live.Swap(s)
		}
		for range 2 {
			answer := ask()
			if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
				t.Errorf("beyond the burst: got %d, Retry-After %q", answer.StatusCode, answer.Header.Get("Retry-After"))
			}
			swap(limits)
		}
		line := g.lines(7)[6]
		if reason, _ := line["reason"].(string); !strings.Contains(reason, "limit-rpm: more than 1 requests a minute") {
			t.Errorf("logged %v", line)
		}
		if got := g.metric("gatelodge_http_limited_total", "ingress", "web", "limit", "limit-rpm"); got != 2 {
			t.Errorf("counted %v, want 2", got)
		}
		swap(&gatelodge.ClientLimits{PerMinute: 1, Exempt: gatelodge.Networks{netip.MustParsePrefix("127.0.0.0/8")}})
		if got := ask().StatusCode; got != 200 {
			t.Errorf("exempt: got %d", got)
		}
	})
}

// TestConnectionsOfAClient: what is in progress counts, and what has ended does
// not.
func TestConnectionsOfAClient(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		inside, release := make(chan bool), make(chan bool)
		address := backendServer(t, gatelodge.BackendHTTP, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/held" {
				inside <- true
				<-release
			}
		})
		build := app(gatelodge.BackendHTTP, address)
		limits := policy(&gatelodge.Policy{ClientLimits: &gatelodge.ClientLimits{Connections: 2}})
		g := start(t, build, limits)
		ended := make(chan bool)
		for range 2 {
			go func() {
				defer func() { ended <- true }()
				if response, err := g.client(m).Get(m.url(appHost, "/held")); err == nil {
					_ = response.Body.Close()
				}
			}()
			<-inside
		}
		s := plainSnapshot()
		build(s)
		limits(s)
		g.live.Swap(s) // what is in progress is known after it
		if answer := g.get(m, "/"); answer.StatusCode != 429 || answer.Header.Get("Retry-After") != "1" {
			t.Errorf("the third: got %d, Retry-After %q", answer.StatusCode, answer.Header.Get("Retry-After"))
		}
		close(release)
		<-ended
		<-ended
		eventually(t, "those that ended no longer count", func() bool { return g.get(m, "/").StatusCode == 200 })
	})
}

// TestPaceIsExact compares with a leaky bucket that counts in whole numbers.
func TestPaceIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct{ requests, burst int }{{1, 0}, {1, 5}, {5, 5}, {7, 3}, {1000, 1}, {60, 0}} {
		p := newPace(c.requests, time.Second, c.burst)
		now, due := time.Unix(1_000_000, 0).UnixNano(), int64(0)
		level, last := int64(0), now // of the bucket, which leaks 1 a nanosecond
		passed := 0
		for range 20_000 {
			now += random.Int64N(2 * p.every)
			level, last = max(0, level-(now-last)), now
			fits := level <= int64(time.Second)*int64(c.burst)
			wait := p.early(due, now)
			if (wait == 0) != fits {
				t.Fatalf("%v: at %d the level is %d, but the wait %s", c, now, level, wait)
			}
			if !fits {
				if p.early(due, now+int64(wait)) != 0 || p.early(due, now+int64(wait)-1) == 0 {
					t.Fatalf("%v: the wait of %s is not exact", c, wait)
				}
				continue
			}
			passed++
			level += p.every
			due = p.next(due, now)
		}
		if passed == 0 {
			t.Errorf("%v: nothing passed", c)
		}
	}
}

func clientKeyOf(ingress, address string) clientKey {
	return clientKey{unique.Make(ingressName{"shop", ingress}), clientOf(netip.MustParseAddr(address))}
}

func TestWhatCountsAsOneClient(t *testing.T) {
	paces := newClientPaces(&gatelodge.ClientLimits{PerMinute: 1})
	table, now := newClientTable(), time.Unix(1000, 0)
	for i, c := range []struct {
		key  clientKey
		want clientLimit
	}{
		{clientKeyOf("web", "192.0.2.1"), noLimit},
		{clientKeyOf("web", "192.0.2.1"), limitMinute},
		{clientKeyOf("web", "192.0.2.2"), noLimit},   // another address
		{clientKeyOf("other", "192.0.2.1"), noLimit}, // another Ingress
		{clientKeyOf("web", "2001:db8::1"), noLimit},
		{clientKeyOf("web", "2001:db8::ffff:1"), limitMinute}, // the same /64
		{clientKeyOf("web", "2001:db8:0:1::1"), noLimit},
	} {
		if _, got, _ := table.admit(c.key, &paces, now); got != c.want {
			t.Errorf("%d: got %d, want %d", i, got, c.want)
		}
	}
}

// TestManyClients: the table is bounded, and what it forgets is never a client
// that asks on, nor one whose requests are in progress.
func TestManyClients(t *testing.T) {
	table, now := newClientTable(), time.Unix(1000, 0)
	paces := newClientPaces(&gatelodge.ClientLimits{PerMinute: 1, Connections: 1})
	once := newClientPaces(&gatelodge.ClientLimits{PerMinute: 1})
	eager, patient := clientKeyOf("web", "192.0.2.1"), clientKeyOf("web", "192.0.2.2")
	atATime := newClientPaces(&gatelodge.ClientLimits{Connections: 1})
	held, _, _ := table.admit(patient, &paces, now)
	if _, over, _ := table.admit(eager, &once, now); held == nil || over != noLimit {
		t.Fatal("the first request is refused")
	}
	for i := range 400_000 {
		address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		table.admit(clientKey{eager.ingress, clientOf(address)}, &once, now)
		if i%100 == 0 {
			if _, over, _ := table.admit(eager, &once, now); over != limitMinute {
				t.Fatalf("after %d others the eager client is forgotten", i)
			}
		}
	}
	if _, over, _ := table.admit(patient, &atATime, now); over != limitConnections {
		t.Errorf("the client whose request is in progress: got %d", over)
	}
	known := 0
	for i := range table.shards {
		known += len(table.shards[i].recent) + len(table.shards[i].older)
	}
	if most := clientShards * (2*shardClients + 4); known > most {
		t.Errorf("%d clients are known, want at most %d", known, most)
	}
}

// TestLimitsAreProtections: no path gets past a limit by being read differently.
func TestLimitsAreProtections(t *testing.T) {
	for name, p := range map[string]*gatelodge.Policy{
		"rate":    {ClientLimits: &gatelodge.ClientLimits{PerSecond: 5}},
		"body":    {BodyBytes: new(int64)},
		"backend": {BackendLimits: &gatelodge.BackendLimits{Requests: 5}},
	} {
		g := start(t, func(s *gatelodge.Snapshot) {
			limited := route1("/login", appKey)
			limited.Policy = p
			addHosts(s, host1(appHost, limited, route1("/", appKey)))
			addBackends(s, namedBackend(t, appKey, "shop"))
		})
		for path, want := range map[string]int{"/": 200, "/login": 200, "//login": 400, "/x//login": 200} {
			if got := g.get(h1, path).StatusCode; got != want {
				t.Errorf("%s, %s: got %d, want %d", name, path, got, want)
			}
		}
	}
	for i, c := range []struct {
		a, b gatelodge.ClientLimits
		same bool
	}{
		{gatelodge.ClientLimits{PerSecond: 5}, gatelodge.ClientLimits{PerSecond: 5}, true},
		{gatelodge.ClientLimits{PerSecond: 5}, gatelodge.ClientLimits{PerSecond: 6}, false},
		{gatelodge.ClientLimits{PerSecond: 5, Exempt: gatelodge.Networks{{}}}, gatelodge.ClientLimits{PerSecond: 5}, false},
	} {
		p, q := &gatelodge.Policy{ClientLimits: &c.a}, &gatelodge.Policy{ClientLimits: &c.b}
		if got := p.SameProtection(q); got != c.same {
			t.Error(fmt.Sprint(i), "got", got)
		}
	}
}

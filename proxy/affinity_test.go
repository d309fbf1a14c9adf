package proxy

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// visit sends a request with the cookie of a session, "" for none, and returns
// the endpoint that it went to last, the cookie from then on, and whether it was
// set anew.
func (f *fleet) visit(cookie string) (place int, now string, set bool) {
	f.Helper()
	f.shares()
	answer := f.send(func(x *exchange.Exchange) {
		if cookie != "" {
			x.Header.Add("cookie", "theme=dark; "+cookie)
		}
	})
	most := -1.0
	for at, share := range f.shares() {
		if share > most {
			place, most = at, share
		}
	}
	if answer.status != 200 {
		place = -1
	}
	now = cookie
	for _, field := range answer.header {
		if field.Name == "set-cookie" {
			now, _, _ = strings.Cut(field.Value, ";")
			set = true
		}
	}
	return place, now, set
}

// session is a client with the cookie that it was given, and its endpoint.
type session struct {
	place  int
	cookie string
}

func (f *fleet) sessions(n int) []session {
	all := make([]session, n)
	for i := range all {
		var set bool
		if all[i].place, all[i].cookie, set = f.visit(""); !set {
			f.Fatal("a new client got no cookie")
		}
	}
	return all
}

// moved lets the clients come again, and returns how many went elsewhere and how
// many got another cookie.
func (f *fleet) moved(all []session) (elsewhere, cookies int) {
	for i, s := range all {
		place, cookie, set := f.visit(s.cookie)
		if place != s.place {
			elsewhere++
		}
		if set {
			cookies++
		}
		all[i] = session{place, cookie}
	}
	return elsewhere, cookies
}

func modes(t *testing.T, test func(t *testing.T, a gatelodge.Affinity)) {
	for _, persistent := range []bool{false, true} {
		name := "balanced"
		if persistent {
			name = "persistent"
		}
		t.Run(name, func(t *testing.T) { test(t, gatelodge.Affinity{Cookie: "INGRESSCOOKIE", Persistent: persistent}) })
	}
}

// TestSessionsStay: through swaps, restarts and at other replicas, a client keeps
// its endpoint and is told nothing anew.
func TestSessionsStay(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		f := newFleet(t, &gatelodge.Policy{Affinity: &a})
		f.swap(endpointsOf(10)...)
		all := f.sessions(1000)
		counts := make(map[int]int)
		for _, s := range all {
			counts[s.place]++
		}
		for i := range 10 {
			if math.Abs(float64(counts[i])-100) > 40 {
				t.Errorf("endpoint %d got %d of 1000 sessions", i, counts[i])
			}
		}
		for what, then := range map[string]func(){
			"at once":         func() {},
			"after a swap":    func() { f.swap(endpointsOf(10)...) },
			"after a restart": func() { f.restart(); f.swap(endpointsOf(10)...) },
		} {
			then()
			if elsewhere, cookies := f.moved(all); elsewhere+cookies != 0 {
				t.Errorf("%s %d of 1000 sessions went elsewhere, and %d got another cookie", what, elsewhere, cookies)
			}
		}
	})
}

// TestSessionsMove: when its endpoint goes, a session moves, once, and no other
// one does; when one comes, balanced sessions move to it as far as it takes its
// share, and persistent ones not at all.
func TestSessionsMove(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		f := newFleet(t, &gatelodge.Policy{Affinity: &a})
		f.swap(endpointsOf(10)...)
		all := f.sessions(1000)
		lost := 0
		for _, s := range all {
			if s.place == 9 {
				lost++
			}
		}
		f.swap(endpointsOf(9)...)
		before := f.metric("gatelodge_upstream_sessions_total", "client", "moved")
		if elsewhere, _ := f.moved(all); elsewhere != lost {
			t.Errorf("%d sessions moved, and %d lost their endpoint", elsewhere, lost)
		}
		if elsewhere, cookies := f.moved(all); elsewhere+cookies != 0 {
			t.Errorf("%d sessions moved again", elsewhere)
		}
		if a.Persistent {
			if got := f.metric("gatelodge_upstream_sessions_total", "client", "moved") - max(before, 0); got != float64(lost) {
				t.Errorf("%v moves are counted, want %d", got, lost)
			}
		}
		if got := f.metric("gatelodge_upstream_sessions_total", "client", "new"); got != 1000 {
			t.Errorf("%v new sessions are counted", got)
		}
		f.swap(endpointsOf(10)...)
		share := 0.1
		if a.Persistent {
			share = 0
		}
		if elsewhere, cookies := f.moved(all); math.Abs(float64(elsewhere)/1000-share) > 0.03 || cookies != 0 {
			t.Errorf("with another endpoint %d sessions moved, and %d got another cookie", elsewhere, cookies)
		}
	})
}

// TestSessionsOfDrainingEndpoints move as soon as the endpoint is on its way out.
func TestSessionsOfDrainingEndpoints(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		f := newFleet(t, &gatelodge.Policy{Affinity: &a})
		f.swap(endpointsOf(2)...)
		all := f.sessions(20)
		endpoints := endpointsOf(2)
		endpoints[0].Draining = true
		f.swap(endpoints...)
		f.moved(all)
		for _, s := range all {
			if s.place != 1 {
				t.Fatal("a session stays at an endpoint that is draining")
			}
		}
	})
}

// TestSessionsWhoseEndpointFails: by default a session stays with its endpoint,
// and goes to another one only for as long as it can't be sent there; with
// change-on-failure it moves for good.
func TestSessionsWhoseEndpointFails(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		refuse := func(*exchange.Exchange) error {
			return fmt.Errorf("%w: %w: connection refused", exchange.ErrBackend, exchange.ErrUnsent)
		}
		reset := func(*exchange.Exchange) error { return fmt.Errorf("%w: reset", exchange.ErrBackend) }
		for _, c := range []struct {
			name     string
			change   bool
			fail     func(*exchange.Exchange) error
			answered bool // while it fails
			returns  bool // to its endpoint, afterwards
		}{
			{"stay, refused", false, refuse, true, true},
			{"stay, reset", false, reset, false, true},
			{"change, refused", true, refuse, true, false},
			{"change, reset", true, reset, true, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					a := a
					a.ChangeOnFailure = c.change
					f := newFleet(t, &gatelodge.Policy{Affinity: &a})
					f.swap(endpointsOf(10)...)
					place, cookie, _ := f.visit("")
					f.behave[fleetAddress(place)] = c.fail
					var elsewhere []int
					now := cookie
					for range 5 {
						if f.send(func(x *exchange.Exchange) { x.Header.Add("cookie", now) }).status == 200 != c.answered {
							t.Fatalf("answered: %v", !c.answered)
						}
						at, next, _ := f.visit(now)
						elsewhere, now = append(elsewhere, at), next
					}
					for _, at := range elsewhere[1:] {
						if at != elsewhere[1] {
							t.Errorf("meanwhile it went to %v", elsewhere)
						}
					}
					delete(f.behave, fleetAddress(place))
					time.Sleep(avoidRefused)
					if at, next, _ := f.visit(now); (at == place) != c.returns || (next == cookie) != c.returns {
						t.Errorf("afterwards it went to %d with %s; before to %d with %s", at, next, place, cookie)
					}
				})
			})
		}
	})
}

// TestSessionsAvoidWhatIsOut: a new session does not begin at an endpoint that is
// out, or has not warmed up.
func TestSessionsAvoidWhatIsOut(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		inBubble(t, func(t *testing.T) {
			f := newFleet(t, &gatelodge.Policy{Affinity: &a})
			f.swap(endpointsOf(2)...)
			f.server.upstreams.byKey[appKey].endpoints[fleetKey(0)].health.leave(time.Now().Add(avoidRefused))
			for _, s := range f.sessions(50) {
				if s.place != 1 {
					t.Fatal("a session began at an endpoint that is out")
				}
			}
		})
	})
}

// TestForgedSessions: whatever a client sends as its cookie, it gets an answer
// and, where that leads nowhere, a session.
func TestForgedSessions(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		f := newFleet(t, &gatelodge.Policy{Affinity: &a})
		f.swap(endpointsOf(10)...)
		for _, value := range []string{"", "x", "0000000000000000", strings.Repeat("f", 17), strings.Repeat("9", 5000), "\"quoted\"", "é"} {
			place, cookie, set := f.visit("INGRESSCOOKIE=" + value)
			if place < 0 || (a.Persistent || value == "") && !set {
				t.Errorf("%.20q: endpoint %d, set: %v", value, place, set)
			}
			if again, _, set := f.visit(cookie); again != place || set {
				t.Errorf("%.20q: went to %d and then to %d", value, place, again)
			}
		}
	})
}

// TestSessionCookie: the attributes of the cookie.
func TestSessionCookie(t *testing.T) {
	span := func(d time.Duration) *time.Duration { return &d }
	no, yes := false, true
	const chrome60 = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.90 Safari/537.36"
	for _, c := range []struct {
		name     string
		affinity gatelodge.Affinity
		path     string // of the route
		scheme   string
		agent    string
		want     string // after the value
	}{
		{"plain", gatelodge.Affinity{}, "/", "http", "", "; Path=/; HttpOnly"},
		{"over HTTPS", gatelodge.Affinity{}, "/shop", "https", "", "; Path=/shop; Secure; HttpOnly"},
		{"secure by hand", gatelodge.Affinity{Secure: &yes}, "/", "http", "", "; Path=/; Secure; HttpOnly"},
		{"never secure", gatelodge.Affinity{Secure: &no}, "/", "https", "", "; Path=/; HttpOnly"},
		{"partitioned", gatelodge.Affinity{SameSite: "None", Partitioned: true}, "/", "https", "", "; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"},
		{"all", gatelodge.Affinity{Expires: span(time.Hour), MaxAge: span(2 * time.Hour), Domain: "example.com", Path: "/a", SameSite: "Lax"}, "/", "https", "",
			"; Expires=Sat, 01 Jan 2000 01:00:00 GMT; Max-Age=7200; Domain=example.com; Path=/a; Secure; HttpOnly; SameSite=Lax"},
		{"a path that would end the attribute", gatelodge.Affinity{}, "/a;b", "http", "", "; Path=/; HttpOnly"},
		{"none", gatelodge.Affinity{SameSite: "None", ConditionalSameSiteNone: true}, "/", "https", "curl/8", "; Path=/; Secure; HttpOnly; SameSite=None"},
		{"none, and a browser that mistakes it", gatelodge.Affinity{SameSite: "None", ConditionalSameSiteNone: true}, "/", "https", chrome60, "; Path=/; Secure; HttpOnly"},
		{"none for every browser", gatelodge.Affinity{SameSite: "None"}, "/", "https", chrome60, "; Path=/; Secure; HttpOnly; SameSite=None"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &request{
				scheme: c.scheme, started: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
				route: &route{source: route1(c.path, appKey)},
				x:     &exchange.Exchange{Header: exchange.Fields{{Name: "user-agent", Value: c.agent}}},
			}
			c.affinity.Cookie = "name"
			if got := r.sessionCookie(&c.affinity, "value"); got != "name=value"+c.want {
				t.Errorf("got %s, want %s", got, "name=value"+c.want)
			}
		})
	}
}

func TestMistakesSameSiteNone(t *testing.T) {
	for agent, want := range map[string]bool{
		"": false, "curl/8.0": false,
		"Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1": true,
		"Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/75.0 Mobile/15E148 Safari/605.1":            true,
		"Mozilla/5.0 (iPhone; CPU iPhone OS 13_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1 Mobile/15E148 Safari/604.1": false,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Safari/605.1.15":                 true,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.87 Safari/537.36":                false,
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/14.0 Safari/605.1.15":                   false,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/50.0.2661.75 Safari/537.36":                                false,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/51.0.2704.79 Safari/537.36":                                true,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chromium/66.0 Safari/537.36":                                      true,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/67.0.3396.87 Safari/537.36":                                false,
		"Mozilla/5.0 (Linux; U; Android 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/57.0 UCBrowser/12.13.1.1189 Mobile Safari/5": true,
		"Mozilla/5.0 (Linux; U; Android 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/57.0 UCBrowser/12.13.2.1005 Mobile Safari/5": false,
	} {
		if got := mistakesSameSiteNone(agent); got != want {
			t.Errorf("%s: %v", agent, got)
		}
	}
}

// TestSessionOfATunnel: the answer to an upgrade begins a session, too.
func TestSessionOfATunnel(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{Affinity: &gatelodge.Affinity{Cookie: "name"}})
	f.swap(endpointsOf(2)...)
	for _, e := range endpointsOf(2) {
		f.behave[e.Address] = func(x *exchange.Exchange) error {
			_, err := x.Response.Tunnel("websocket", exchange.Fields{{Name: "sec-websocket-protocol", Value: "chat"}})
			return err
		}
	}
	if header := f.send().header; len(header) != 2 || !strings.HasPrefix(header.Get("set-cookie"), "name=") {
		t.Errorf("got %v", header)
	}
}

// TestSessionOverTheWire: in every protocol a client gets a
// cookie beside those of the backend, and stays where it is.
func TestSessionOverTheWire(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		counts := make([]atomic.Int32, 3)
		var addresses []netip.AddrPort
		for i := range counts {
			addresses = append(addresses, backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, _ *http.Request) {
				counts[i].Add(1)
				http.SetCookie(w, &http.Cookie{Name: "own", Value: "1"})
			}))
		}
		g := start(t, app(gatelodge.BackendHTTP, addresses...), func(s *gatelodge.Snapshot) {
			onlyHost(s).Routes[0].Policy = &gatelodge.Policy{Redirect: gatelodge.RedirectNever, Affinity: &gatelodge.Affinity{Cookie: "INGRESSCOOKIE"}}
		})
		client := g.client(m)
		answer := do(t, client, newRequest(t, "GET", m.url(appHost, "/"), nil))
		cookies := answer.Cookies()
		if len(cookies) != 2 || cookies[0].Name != "own" || cookies[1].Name != "INGRESSCOOKIE" || cookies[1].Secure != m.tls() || !cookies[1].HttpOnly {
			t.Fatalf("got the cookies %v", cookies)
		}
		for range 9 {
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			r.AddCookie(cookies[1])
			if again := do(t, client, r).Cookies(); len(again) != 1 {
				t.Fatalf("got the cookies %v", again)
			}
		}
		used := 0
		for i := range counts {
			if counts[i].Load() > 0 {
				used++
			}
		}
		if used != 1 {
			t.Errorf("%d endpoints were asked", used)
		}
	})
}

// TestNoSessionWithoutAnEndpoint: our own answers begin no session.
func TestNoSessionWithoutAnEndpoint(t *testing.T) {
	modes(t, func(t *testing.T, a gatelodge.Affinity) {
		f := newFleet(t, &gatelodge.Policy{Affinity: &a})
		f.swap(endpointsOf(1)...)
		f.behave[fleetAddress(0)] = func(*exchange.Exchange) error { return fmt.Errorf("%w: reset", exchange.ErrBackend) }
		if _, cookie, set := f.visit(""); set {
			t.Errorf("a client that got 502 was given %s", cookie)
		}
	})
}

package proxy

import (
	"math"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

func hashBy(key string) *gatelodge.HashBy {
	parts, err := gatelodge.ParseHashKey(key)
	if err != nil {
		panic(err)
	}
	return &gatelodge.HashBy{Key: parts}
}

// placement is the endpoint of each of many users.
func (f *fleet) placement() []int {
	places := make([]int, 10000)
	for user := range places {
		f.shares()
		f.send(func(x *exchange.Exchange) { x.Query = "?user=" + strconv.Itoa(user) })
		for place := range f.shares() {
			places[user] = place
		}
	}
	return places
}

// TestHashMovesLittle: when one of ten endpoints goes only its keys move, and when
// one comes, only to that one: each time the share of one endpoint.
func TestHashMovesLittle(t *testing.T) {
	for _, weights := range []struct {
		name   string
		change func(endpoints []gatelodge.Endpoint)
		share  float64 // of endpoint 5
	}{
		{"equal weights", func([]gatelodge.Endpoint) {}, 1.0 / 10},
		{"one of double weight", func(e []gatelodge.Endpoint) { e[5].Weight = 2 }, 2.0 / 11},
	} {
		t.Run(weights.name, func(t *testing.T) {
			f := newFleet(t, &gatelodge.Policy{HashBy: hashBy("$arg_user")})
			ten := endpointsOf(10)
			weights.change(ten)
			nine := append(append([]gatelodge.Endpoint(nil), ten[:5]...), ten[6:]...)
			f.swap(ten...)
			before := f.placement()
			f.swap(nine...)
			without := f.placement()
			moved := 0
			for user := range before {
				if before[user] != without[user] {
					moved++
				}
				if before[user] != 5 && before[user] != without[user] {
					t.Fatalf("user %d moved from %d to %d, and 5 was it that left", user, before[user], without[user])
				}
			}
			if share := float64(moved) / float64(len(before)); math.Abs(share-weights.share) > 0.02 || share > weights.share+0.05 {
				t.Errorf("%.3f of the keys moved, want %.3f", share, weights.share)
			}
			f.restart() // another replica, or this one some day
			f.swap(ten...)
			for user, place := range f.placement() {
				if place != before[user] {
					t.Fatalf("user %d went to %d and then to %d", user, before[user], place)
				}
			}
		})
	}
}

// TestHashedBy: requests are hashed by what the key names, and by nothing else.
func TestHashedBy(t *testing.T) {
	for _, c := range []struct {
		key    string
		change func(x *exchange.Exchange, user string)
		other  bool // the key has nothing of it
	}{
		{"$http_x_user", func(x *exchange.Exchange, user string) { x.Header.Add("x-user", user) }, false},
		{"$cookie_user", func(x *exchange.Exchange, user string) { x.Header.Add("cookie", "other=1; user="+user+"; last=2") }, false},
		{"$arg_user", func(x *exchange.Exchange, user string) { x.Query = "?a=1&user=" + user + "&b" }, false},
		{"$args", func(x *exchange.Exchange, user string) { x.Query = "?" + user }, false},
		{"$uri", func(x *exchange.Exchange, user string) { x.Path = "/" + user }, false},
		{"$uri", func(x *exchange.Exchange, user string) { x.Query = "?" + user }, true},
		{"$request_uri", func(x *exchange.Exchange, user string) { x.Query = "?" + user }, false},
		{"$host", func(x *exchange.Exchange, user string) { x.Authority = user + ".example.com" }, false},
		{"${cookie_user}-v1", func(x *exchange.Exchange, user string) { x.Header.Add("cookie", "user="+user) }, false},
		{"$uri$http_x_user", func(x *exchange.Exchange, user string) { x.Header.Add("x-user", user) }, false},
		{"$remote_addr", func(x *exchange.Exchange, user string) {
			n, _ := strconv.Atoi(user)
			x.Client = fleetAddress(n)
		}, false},
	} {
		t.Run(c.key, func(t *testing.T) {
			f := newFleet(t, &gatelodge.Policy{HashBy: hashBy(c.key)})
			f.swap(endpointsOf(10)...)
			for range 3 {
				f.send(func(x *exchange.Exchange) { c.change(x, "1") })
			}
			if got := f.shares(); len(got) != 1 {
				t.Errorf("one user went to %v", got)
			}
			for user := range 100 {
				f.send(func(x *exchange.Exchange) { c.change(x, strconv.Itoa(user)) })
			}
			if got := f.shares(); (len(got) == 1) != c.other {
				t.Errorf("a hundred users went to %v", got)
			}
		})
	}
}

// TestHashOfNothing: requests without what they are hashed by take turns.
func TestHashOfNothing(t *testing.T) {
	f := newFleet(t, &gatelodge.Policy{HashBy: hashBy("$cookie_user")})
	f.swap(endpointsOf(10)...)
	f.load(1, 100)
	for i, share := range f.shares() {
		if share != 0.1 {
			t.Errorf("endpoint %d has %v of the requests", i, share)
		}
	}
}

// TestHashFailsOver: while the endpoint of a key is out, the key has another one,
// always the same, and then its own again.
func TestHashFailsOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		f := newFleet(t, &gatelodge.Policy{HashBy: hashBy("$arg_user")})
		f.swap(endpointsOf(10)...)
		before := f.placement()
		f.server.upstreams.byKey[appKey].endpoints[fleetKey(before[0])].health.leave(time.Now().Add(avoidRefused))
		during, again := f.placement(), f.placement()
		for user := range before {
			if (during[user] != before[user]) != (before[user] == before[0]) || during[user] != again[user] {
				t.Fatalf("user %d went from %d to %d and %d", user, before[user], during[user], again[user])
			}
		}
		time.Sleep(avoidRefused)
		for user, place := range f.placement() {
			if place != before[user] {
				t.Fatalf("user %d went back to %d, not to %d", user, place, before[user])
			}
		}
	})
}

// TestHashSubset: each key has its endpoints, and uses all of them alike.
func TestHashSubset(t *testing.T) {
	by := hashBy("$arg_user")
	by.Subset = 3
	f := newFleet(t, &gatelodge.Policy{HashBy: by})
	f.swap(endpointsOf(10)...)
	all := make(map[int]bool)
	for user := range 30 {
		f.load(1, 3000, func(x *exchange.Exchange) { x.Query = "?user=" + strconv.Itoa(user) })
		got := f.shares()
		if len(got) != 3 {
			t.Fatalf("user %d has the endpoints %v", user, got)
		}
		for i, share := range got {
			all[i] = true
			if math.Abs(share-1.0/3) > 0.05 {
				t.Errorf("endpoint %d has %v of user %d", i, share, user)
			}
		}
	}
	if len(all) != 10 {
		t.Errorf("only %d endpoints are used", len(all))
	}
}

// TestHashBound: requests of one key go to further endpoints once theirs has as
// many in flight as the bound allows, and to theirs alone before that.
func TestHashBound(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		by := hashBy("$arg_user")
		by.Bound = 1.25
		f := newFleet(t, &gatelodge.Policy{HashBy: by})
		f.swap(endpointsOf(10)...)
		for _, e := range endpointsOf(10) {
			f.behave[e.Address] = answerAfter(time.Second, 200)
		}
		var mu sync.Mutex
		most := 0.0
		up := f.server.upstreams.byKey[appKey]
		watch := func(x *exchange.Exchange) { x.Query = "?user=7" }
		for range 200 {
			go f.send(watch)
			synctest.Wait()
			mu.Lock()
			for _, e := range up.endpoints {
				bound := math.Ceil(by.Bound * float64(up.inFlight.Load()) / 10)
				most = max(most, float64(e.load.inFlight.Load())/bound)
			}
			mu.Unlock()
		}
		if most != 1 {
			t.Errorf("an endpoint had %v times what the bound allows", most)
		}
		if got := f.shares(); len(got) < 8 {
			t.Errorf("only %d endpoints are used", len(got))
		}
		time.Sleep(2 * time.Second)
		f.load(1, 10, watch)
		if got := f.shares(); len(got) != 1 {
			t.Errorf("one request at a time goes to %v", got)
		}
	})
}

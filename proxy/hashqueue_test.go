package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// guarded is the app and another host, each behind a password, with a trusted
// proxy before them, so that a test can be any client.
func guarded(t *testing.T) func(*gatelodge.Snapshot) {
	policy := &gatelodge.Policy{BasicAuth: &gatelodge.BasicAuth{Realm: "shop", Users: map[string]gatelodge.PasswordHash{
		"anna": parseHash(t, hashes[0].hash),
	}}}
	address := backendServer(t, gatelodge.BackendHTTP, echoFields)
	return func(s *gatelodge.Snapshot) {
		app(gatelodge.BackendHTTP, address)(s)
		addHosts(s, host1("other.example.com", route1("/", appKey)))
		for _, h := range s.Hosts.All() {
			h.Routes[0].Policy = policy
		}
		s.Settings.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}
}

// holdHashes takes every turn, and returns how one is given back.
func (g *gateway) holdHashes() (release func()) {
	q := &g.server.credentials.queue
	for range max(1, q.free) {
		_, _ = q.enter("", netip.Prefix{})
	}
	return q.done
}

func (g *gateway) waitingHashes() int {
	q := &g.server.credentials.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// logIn sends a password for a client at a host and returns the status.
func (g *gateway) logIn(ctx context.Context, c *http.Client, m mode, host, client, password string) (int, error) {
	r := newRequest(g.t, "GET", m.url(host, "/"), nil).WithContext(ctx)
	r.Header.Set("X-Forwarded-For", client)
	r.SetBasicAuth("anna", password)
	response, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// TestWrongPasswordsDelayNoOtherClient: many wrong passwords wait for each other. A right
// one at another host, or of another client, is among the next to have a turn.
func TestWrongPasswordsDelayNoOtherClient(t *testing.T) {
	const wrong = 200
	for name, right := range map[string]struct {
		host   gatelodge.Name
		client string
		turn   int
	}{
		"at another host":   {"other.example.com", "192.0.2.1", 2},
		"of another client": {appHost, "198.51.100.1", 3}, // of three
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, guarded(t))
			g.holdHashes()
			client := g.client(h1)
			var asking sync.WaitGroup
			for i := range wrong {
				asking.Go(func() {
					// 16 of each address are let wait.
					status, err := g.logIn(t.Context(), client, h1, appHost, fmt.Sprintf("192.0.2.%d", 1+i/100), fmt.Sprint("guess", i))
					if err != nil || status != 401 && status != 429 {
						t.Errorf("a wrong password: %d, %v", status, err)
					}
				})
			}
			eventually(t, "wrong passwords that wait", func() bool { return g.waitingHashes() == 2*waitingMostClient })
			asking.Go(func() {
				status, err := g.logIn(t.Context(), client, h1, string(right.host), right.client, hashes[0].password)
				if err != nil || status != 200 {
					t.Errorf("the right password: %d, %v", status, err)
				}
			})
			eventually(t, "the right one waits too", func() bool { return g.waitingHashes() == 2*waitingMostClient+1 })
			q := &g.server.credentials.queue
			q.mu.Lock() // until the right one has its turn: each turn that ends gives another
			waits := func() bool {
				h := q.line(right.host)
				return h != nil && h.line(clientOf(netip.MustParseAddr(right.client))) != nil
			}
			turn := 0
			for ; waits() && turn < wrong; turn++ {
				q.next()
			}
			q.mu.Unlock()
			if turn > right.turn {
				t.Errorf("the right password had turn %d, want %d at the latest", turn, right.turn)
			}
			asking.Wait()
		})
	}
}

// TestHungUpPasswordIsNotHashed: a client that hangs up leaves the queue before
// its turn.
func TestHungUpPasswordIsNotHashed(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, guarded(t))
		g.holdHashes()
		ctx, hangUp := context.WithCancel(t.Context())
		asked := make(chan error, 1)
		go func() {
			_, err := g.logIn(ctx, g.client(m), m, appHost, "192.0.2.1", "guess")
			asked <- err
		}()
		eventually(t, "a password that waits", func() bool { return g.waitingHashes() == 1 })
		hangUp()
		eventually(t, "nobody waits", func() bool { return g.waitingHashes() == 0 })
		if err := <-asked; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if line := g.lines(1)[0]; line["status"] != float64(statusGone) {
			t.Errorf("logged %v", line)
		}
	})
}

// TestManyPasswordsAtOnceOfOneClient: what is too much is told at once.
func TestManyPasswordsAtOnceOfOneClient(t *testing.T) {
	g := start(t, guarded(t))
	release := g.holdHashes()
	client := g.client(h1)
	var asking sync.WaitGroup
	for i := range waitingMostClient {
		asking.Go(func() { _, _ = g.logIn(t.Context(), client, h1, appHost, "2001:db8::1", fmt.Sprint("guess", i)) })
	}
	eventually(t, "passwords that wait", func() bool { return g.waitingHashes() == waitingMostClient })
	// Another address of the same subscriber's network.
	if status, err := g.logIn(t.Context(), client, h1, appHost, "2001:db8::2", "guess"); err != nil || status != 429 {
		t.Errorf("got %d, %v, want 429", status, err)
	}
	release()
	asking.Wait()
}

// TestHashQueueGivesUpTheGreedy: when the queue is full, it is who waits for
// most that loses a place.
func TestHashQueueGivesUpTheGreedy(t *testing.T) {
	var q hashQueue
	client := func(i int) netip.Prefix {
		return clientOf(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}))
	}
	var turns []*hashTurn
	for i := range waitingMost {
		turn, err := q.enter("greedy.test", client(i))
		if turn == nil || err != nil {
			t.Fatal(turn, err)
		}
		turns = append(turns, turn)
	}
	if _, err := q.enter("greedy.test", client(waitingMost)); err != errHashesOfAll {
		t.Errorf("one more at the same host: %v", err)
	}
	modest, err := q.enter("modest.test", client(0))
	if modest == nil || err != nil {
		t.Fatalf("at another host: %v", err)
	}
	if err := <-turns[waitingMost-1].come; err != errHashesOfAll {
		t.Errorf("the greedy host's newest was told %v", err)
	}
	q.done()
	q.done()
	if err := <-modest.come; err != nil {
		t.Errorf("the modest host's turn: %v", err)
	}
	if err := <-turns[0].come; err != nil {
		t.Errorf("the greedy host's first turn: %v", err)
	}
}

// TestHashTurnsComeBack: whether turns are used, given up before they come or
// after, the queue ends as it began.
func TestHashTurnsComeBack(t *testing.T) {
	q := hashQueue{free: 1}
	one := clientOf(netip.MustParseAddr("192.0.2.1"))
	if turn, err := q.enter("a.test", one); turn != nil || err != nil {
		t.Fatal(turn, err)
	}
	waits, _ := q.enter("a.test", one)
	late, _ := q.enter("b.test", one)
	q.leave("a.test", one, waits)
	q.done()
	q.leave("b.test", one, late) // its turn had come
	if q.free != 1 || q.waiting != 0 || len(q.hosts) != 0 {
		t.Errorf("left over: %d free, %d waiting, %d hosts", q.free, q.waiting, len(q.hosts))
	}
	c := newCredentials()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.queue.free = 0
	if _, err := c.check(asker{ctx: ctx, cancellation: new(exchange.Cancellation)}, "password", parseHash(t, hashes[0].hash)); !errors.Is(err, errHungUp) {
		t.Errorf("waited for a turn that nobody wants: %v", err)
	}
}

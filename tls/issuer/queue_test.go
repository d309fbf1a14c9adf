package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/tlstest"
)

// slowStore is a Store whose Get, the first thing of an attempt, says for which
// name it is and fails when it is told to.
type slowStore struct {
	tlstest.Memory
	mu    sync.Mutex
	begun []string
	end   chan struct{}
}

func (s *slowStore) Get(ctx context.Context, item string) (gatelodge.Item, error) {
	if item == gatelodge.AuthorityItem { // read when a term begins
		return s.Memory.Get(ctx, item)
	}
	s.mu.Lock()
	s.begun = append(s.begun, item)
	s.mu.Unlock()
	select {
	case <-s.end:
	case <-ctx.Done():
	}
	return gatelodge.Item{}, errors.New("it is slow")
}

// taken returns for which names attempts began since the last call.
func (s *slowStore) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun := s.begun
	s.begun = nil
	return begun
}

// asked is an Issuer whose attempts hang, and what it is asked for.
type asked struct {
	store *slowStore
	live  *gatelodge.Live
	list  gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance]
}

// runHanging runs an Issuer during a test in made-up time.
func runHanging(t *testing.T, during func(a *asked)) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{store: &slowStore{end: make(chan struct{})}, live: new(gatelodge.Live)}
		issuer := New(a.live, Config{Store: a.store, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		running := make(chan struct{})
		go func() { defer close(running); issuer.Run(ctx) }()
		during(a)
		cancel()
		<-running
	})
}

func (a *asked) ask(namespace, name string, certificate *gatelodge.Certificate) {
	a.list = a.list.With(gatelodge.IssuanceKey{Name: gatelodge.Name(name)}, &gatelodge.Issuance{
		Name: gatelodge.Name(name), Askers: []gatelodge.Object{{Namespace: namespace}},
		Challenges: []gatelodge.ChallengeType{gatelodge.HTTP01}, Certificate: certificate,
	})
}

// publish has the Issuer see what is asked for, and waits until what is missing is
// due.
func (a *asked) publish() {
	a.live.Swap(&gatelodge.Snapshot{Issuing: &gatelodge.Issuing{Issuances: a.list}})
	time.Sleep(settleTime)
	synctest.Wait()
}

// endOne has the attempt fail that began first.
func (a *asked) endOne() {
	a.store.end <- struct{}{}
	synctest.Wait()
}

// begins checks for which names attempts began since the last call, in any order if
// several began at once.
func (a *asked) begins(t *testing.T, when string, names ...gatelodge.Name) {
	t.Helper()
	var want []string
	for _, name := range names {
		want = append(want, gatelodge.IssuanceKey{Name: name}.Item())
	}
	got := a.store.taken()
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%s: begun are %v, want %v", when, got, want)
	}
}

const day = 24 * time.Hour

func oldCertificate() *gatelodge.Certificate {
	return &gatelodge.Certificate{NotBefore: time.Now().Add(-80 * day), NotAfter: time.Now().Add(10 * day)}
}

// TestNamespacesTakeTurns: whatever one namespace asks for, the next attempt of
// another begins at once, and then within one round; and its renewals come first.
func TestNamespacesTakeTurns(t *testing.T) {
	runHanging(t, func(a *asked) {
		for i := range 1000 {
			a.ask("many", fmt.Sprintf("a%03d.test", i), nil)
		}
		a.publish()
		a.begins(t, "one namespace", "a000.test", "a001.test", "a002.test", "a003.test", "a004.test", "a005.test")
		a.ask("few", "new.test", nil)
		a.ask("few", "renewed.test", oldCertificate())
		a.ask("", "*.test", nil) // of the configuration
		a.publish()
		a.begins(t, "with others", "renewed.test", "*.test")
		for _, next := range []gatelodge.Name{"a006.test", "new.test", "a007.test", "a008.test"} {
			a.endOne()
			a.begins(t, "a round", next)
		}
	})
}

// TestAttackHungOrders: orders that hang, as their authors can have them do, take no
// slot for longer than a minute, whatever the number of their namespaces.
func TestAttackHungOrders(t *testing.T) {
	runHanging(t, func(a *asked) {
		for _, namespace := range []string{"evil1", "evil2", "evil3"} {
			for i := range maxOrders {
				a.ask(namespace, fmt.Sprintf("a%d.%s.test", i, namespace), nil)
			}
		}
		a.publish()
		if n := len(a.store.taken()); n != maxOrders {
			t.Errorf("%d attempts are in progress, want %d", n, maxOrders)
		}
		a.ask("shop", "shop.test", nil)
		a.publish()
		a.begins(t, "while all slots are taken")
		time.Sleep(slotTime)
		synctest.Wait()
		begun := a.store.taken()
		if !slices.Contains(begun, gatelodge.IssuanceKey{Name: "shop.test"}.Item()) {
			t.Errorf("after a minute begun are %v, without that of the other namespace", begun)
		}
		if n := len(begun); n != maxOrders {
			t.Errorf("after a minute %d attempts begin, want %d", n, maxOrders)
		}
	})
}

// TestAttackAskingAnew: a namespace that withdraws what it asks for and asks for
// something else comes no sooner.
func TestAttackAskingAnew(t *testing.T) {
	runHanging(t, func(a *asked) {
		for i := range maxOrdersEach {
			a.ask("evil", fmt.Sprintf("a%d.test", i), nil)
			a.ask("other", fmt.Sprintf("b%d.test", i), nil)
		}
		a.publish()
		a.ask("shop", "shop.test", nil)
		a.list = gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance]{}
		a.ask("evil", "again.test", nil)
		a.ask("shop", "shop.test", nil)
		a.publish()
		a.store.taken()
		a.endOne()
		a.begins(t, "the next", "shop.test")
	})
}

// TestQueueFollows: after any changes, what is due comes in the order in which it
// would be begun if all were put into a new queue.
func TestQueueFollows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	changed, states := newQueue(), make([]*nameState, 50)
	for i := range states {
		states[i] = &nameState{}
	}
	for range 2000 {
		s := states[random.IntN(len(states))]
		changed.remove(s)
		s.issuance = &gatelodge.Issuance{
			Name:   gatelodge.Name(fmt.Sprintf("n%d.test", random.IntN(100))),
			Askers: []gatelodge.Object{{Namespace: fmt.Sprint("team", random.IntN(3))}},
		}
		if random.IntN(2) == 0 {
			s.issuance.Certificate = &gatelodge.Certificate{}
		}
		s.at = now.Add(time.Duration(random.IntN(60)-40) * time.Minute)
		if random.IntN(4) > 0 {
			changed.put(s)
		}
		if random.IntN(4) == 0 {
			changed.fallDue(now, now)
		}
	}
	anew := newQueue()
	var queued []*nameState
	for _, s := range states {
		if s.in != nil {
			one := &nameState{issuance: s.issuance, at: s.at}
			queued = append(queued, one)
			anew.put(one)
		}
	}
	later := now.Add(time.Hour)
	if a, b := changed.fallDue(now, later), anew.fallDue(now, later); !a.Equal(b) {
		t.Errorf("the next is due at %v, of a new queue at %v", a, b)
	}
	for range queued {
		x, _ := changed.next(true, now, later)
		y, _ := anew.next(true, now, later)
		if x == nil || y == nil {
			if x != y {
				t.Error("one queue has an attempt that is due, and the other has none")
			}
			return
		}
		if x.issuance != y.issuance {
			t.Fatalf("%v is next, of a new queue %v", x.issuance.Name, y.issuance.Name)
		}
		for q, s := range map[*queue]*nameState{changed: x, anew: y} {
			q.begin(s, now)
			q.end(s)
			q.countSlots(now, now)
		}
	}
}

package compile

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// TestNamesStay plays through edits of a world in which everything clashes. One
// replica leads, and others see only some of what it sees.
func TestNamesStay(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &world{t: t, random: rand.New(rand.NewPCG(seed, 1)), now: kubetest.Now, objects: make(map[string]metav1.Object)}
			cfg := w.config()
			var leader, follower Builder
			var held, followed claims.Held
			var recorded objects.Holdings
			for step := range 60 {
				for range 1 + w.random.IntN(2) {
					w.edit()
				}
				objs, at := w.all(), kubetest.Now.Add(time.Duration(step)*time.Second)
				leading := Extra{Incumbents: claims.Incumbents{Served: held.Holdings, Recorded: recorded, Leading: true}}
				got := leader.BuildWith(objs, leading, cfg)
				checkPure(t, step, got, objs, leading, cfg)
				checkIncumbents(t, step, held.Holdings, leader.last.grants)
				held = leader.Held(held, at)

				if w.random.IntN(2) == 0 { // it is ahead of the record
					follower.BuildWith(objs, Extra{Incumbents: claims.Incumbents{Served: followed.Holdings, Recorded: recorded}}, cfg)
					followed = follower.Held(followed, at)
				}
				recorded = held.Record(1000)
				if w.random.IntN(2) == 0 {
					following := Extra{Incumbents: claims.Incumbents{Served: followed.Holdings, Recorded: recorded}}
					checkOwners(t, step, "another replica", &follower, objs, following, cfg, leader.last.grants)
					followed = follower.Held(followed, at)
				}
				checkOwners(t, step, "restarted", new(Builder), objs, Extra{Incumbents: claims.Incumbents{Recorded: recorded}}, cfg, leader.last.grants)
				whatever := Extra{Incumbents: claims.Incumbents{Served: w.holdings(), Recorded: w.holdings(), Leading: w.random.IntN(2) == 0}}
				checkPure(t, step, follower.BuildWith(objs, whatever, cfg), objs, whatever, cfg)
			}
		})
	}
}

// holdings is any, of the names that clash.
func (w *world) holdings() objects.Holdings {
	holdings := objects.Holdings{}.Edit()
	for range 3 {
		holdings.Set(gatelodge.Name(pick(w.random, worldHosts[:9])), &objects.Holding{
			Namespace: pick(w.random, worldNamespaces), Since: kubetest.Now, Guest: w.random.IntN(4) == 0,
		})
	}
	return holdings.Map()
}

// checkPure: a Builder without a memory, given the same, builds the same.
func checkPure(t *testing.T, step int, got *gatelodge.Snapshot, objs objects.Objects, extra Extra, cfg *objects.Config) {
	t.Helper()
	want := new(Builder).BuildWith(objs, extra, cfg)
	if got.String() != want.String() || !reflect.DeepEqual(got, want) {
		t.Fatalf("step %d: a warm build gives\n%s\na cold one\n%s", step, got, want)
	}
}

// checkIncumbents: who had a name and goes on claiming it keeps it, unless it was
// a guest, or the name belongs to another by its label.
func checkIncumbents(t *testing.T, step int, before objects.Holdings, now *claims.Grants) {
	t.Helper()
	rule := &claims.Claims{Limits: now.Limits, Reserved: claims.ReservedNames(now.Cfg)}
	for name, had := range before.All() {
		list := now.Claimed.Names.Get(name)
		if _, underscored := claims.BelowUnderscore(name); list == nil || had.Guest || underscored {
			continue
		}
		for _, s := range rule.Permitted(name, list.List, &claims.Ruling{}) {
			if s.Namespace() == had.Namespace && now.Rulings.Get(name).Namespace() != had.Namespace {
				t.Fatalf("step %d: %q was %s's, which claims it, and is %q's", step, name, had.Namespace, now.Rulings.Get(name).Namespace())
			}
		}
	}
}

// checkOwners wants every name to have the owner that it has by grants.
func checkOwners(t *testing.T, step int, who string, b *Builder, objs objects.Objects, extra Extra, cfg *objects.Config, want *claims.Grants) {
	t.Helper()
	b.BuildWith(objs, extra, cfg)
	for name := range want.Rulings.All() {
		if got, want := b.last.grants.Rulings.Get(name).Namespace(), want.Rulings.Get(name).Namespace(); got != want {
			t.Errorf("step %d: %s, %q is %q's, want %q's", step, who, name, got, want)
		}
	}
	if t.Failed() {
		for name, h := range extra.Incumbents.Recorded.All() {
			t.Logf("recorded: %q %+v", name, *h)
		}
		t.FailNow()
	}
}

package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/state"
)

// restart makes a gateway that starts with the objects as they are, and with
// what is written down.
func (g *guarded) restart(record *objects.GuardRecord, recall func() (objects.Objects, bool)) {
	g.guard = &Guard{Log: slog.New(slog.NewTextHandler(g.t.Output(), nil)), Recall: recall}
	g.objects.Guard = record
	g.build()
}

func TestStartWithFarTooLittle(t *testing.T) {
	full := newGuarded(t, 100).objects
	remembered := func(objs objects.Objects) func() (objects.Objects, bool) {
		return func() (objects.Objects, bool) {
			objs.Remembered = kubetest.Now.Add(-time.Hour)
			return objs, true
		}
	}
	nothing := func() (objects.Objects, bool) { return objects.Objects{}, false }
	for name, test := range map[string]struct {
		left     int
		record   *objects.GuardRecord
		recall   func() (objects.Objects, bool)
		want     int // hosts that are served; -1: it does not start
		withheld int
	}{
		"nothing is known":                  {2, nil, nothing, 2, 0},
		"nothing is written down":           {2, nil, remembered(full), 100, 98},
		"little less is there":              {60, nil, remembered(full), 60, 0},
		"little less than before":           {60, &objects.GuardRecord{Hosts: 100}, remembered(full), 60, 0},
		"few were served before":            {0, &objects.GuardRecord{Hosts: 10}, remembered(full), 0, 0},
		"far less, and all is remembered":   {2, &objects.GuardRecord{Hosts: 100}, remembered(full), 100, 98},
		"nothing, and all is remembered":    {0, &objects.GuardRecord{Hosts: 100}, remembered(full), 100, 100},
		"far less, and nothing is":          {2, &objects.GuardRecord{Hosts: 100}, nothing, -1, 0},
		"far less, and there is no memory":  {2, &objects.GuardRecord{Hosts: 100}, nil, -1, 0},
		"far less, and as little is so too": {2, &objects.GuardRecord{Hosts: 1000}, remembered(full), -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t, 0)
			g.objects = full
			g.objects.Ingresses = objects.TableOf(byAge(full.Ingresses)[:test.left]...)
			g.restart(test.record, test.recall)
			if status := g.guard.Status(); test.want < 0 {
				if g.snapshot != nil || !status.Starting || status.There != test.left || status.Hash == "" || g.again != status.Until {
					t.Errorf("it starts with %v; the guard says %q, again at %v", g.snapshot, status.String(), g.again)
				}
				return
			}
			g.serves("at the start", numbers(0, test.want)...)
			g.holds("at the start", test.withheld)
		})
	}
}

// TestStartGoesAhead when that was put off for long enough or is confirmed, or
// when what was missing is there.
func TestStartGoesAhead(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(g *guarded, hash string, all objects.Objects)
		want int // -1: it does not start
	}{
		"not before its time": {func(g *guarded, _ string, _ objects.Objects) { g.objects.Now = g.objects.Now.Add(9 * time.Minute) }, -1},
		"after its time":      {func(g *guarded, _ string, _ objects.Objects) { g.objects.Now = g.objects.Now.Add(10 * time.Minute) }, 2},
		"confirmed here":      {func(g *guarded, _ string, _ objects.Objects) { kubetest.Must(g.t, confirm(g.guard, "")) }, 2},
		"annotated": {func(g *guarded, hash string, _ objects.Objects) {
			g.objects.Guard = &objects.GuardRecord{Hosts: 100, Hash: "h", Confirmed: hash}
		}, 2},
		"the leader's list": {func(g *guarded, _ string, _ objects.Objects) {
			g.objects.Guard = &objects.GuardRecord{Hosts: 100, Withheld: "its", Confirmed: "its"}
		}, 2},
		"the leader let it go": {func(g *guarded, _ string, _ objects.Objects) { g.objects.Guard = &objects.GuardRecord{Hosts: 2} }, 2},
		"all is there":         {func(g *guarded, _ string, all objects.Objects) { g.objects.Ingresses = all.Ingresses }, 100},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t, 100)
			all := g.objects
			g.objects.Ingresses = objects.TableOf(byAge(all.Ingresses)[:2]...)
			g.restart(&objects.GuardRecord{Hosts: 100, Hash: "h"}, nil)
			test.do(g, g.guard.Status().Hash, all)
			g.build()
			if test.want < 0 {
				if g.snapshot != nil {
					t.Errorf("it starts with\n%s", g.snapshot)
				}
				return
			}
			g.serves("then", numbers(0, test.want)...)
			if status := g.guard.Status(); status.String() != "" {
				t.Errorf("the guard says %q", status.String())
			}
		})
	}
}

func confirm(g *Guard, hash string) error {
	_, err := g.Confirm(hash)
	return err
}

// TestRememberedObjectsAreNoProof: what was served from disk while the API
// server was slow is compared with its first list.
func TestRememberedObjectsAreNoProof(t *testing.T) {
	g := newGuarded(t, 3)
	now := g.objects
	g.objects.Remembered = kubetest.Now.Add(-time.Hour)
	g.restart(nil, nil)
	g.serves("from disk", numbers(0, 3)...)
	g.objects = now
	g.objects.Now = now.Now.Add(time.Second)
	g.objects.Ingresses = objects.Table[*networkingv1.Ingress]{}
	g.build()
	g.holds("after the first list, an empty one", 3)
}

// TestTheRecordIsKept: at once where a withdrawal is held, and otherwise now
// and then.
func TestTheRecordIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 20)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan bool)
		var mu sync.Mutex // of what follows
		var written []objects.GuardRecord
		failures := 1
		go func() {
			defer close(ended)
			g.guard.Keep(ctx, func(_ context.Context, r objects.GuardRecord) error {
				mu.Lock()
				defer mu.Unlock()
				if failures > 0 {
					failures--
					return errors.New("not now")
				}
				written = append(written, r)
				return nil
			})
		}()
		expect := func(when string, n, hosts int, withheld string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if len(written) != n || n > 0 && (written[n-1].Hosts != hosts || written[n-1].Withheld != withheld || written[n-1].Hash == "") {
				t.Errorf("%s: %d records %+v, want %d, the last of %d hosts and list %q", when, len(written), written, n, hosts, withheld)
			}
		}
		expect("after a failure", 0, 0, "")
		time.Sleep(recordEvery)
		expect("tried again", 1, 20, "")
		for range 5 {
			g.deleteFirst()
		}
		expect("soon after", 1, 20, "")
		time.Sleep(recordEvery)
		expect("later", 2, 15, "")
		g.deleteAll()
		synctest.Wait()
		hash := g.guard.Status().Hash
		if last := written[len(written)-1]; last.Withheld != hash || last.Hosts != 20 {
			t.Errorf("while it holds %s: %+v", hash, last)
		}
		n := len(written)
		kubetest.Must(t, confirm(g.guard, hash))
		g.build()
		expect("confirmed", n+1, 0, "")
		g.build()
		time.Sleep(time.Hour)
		expect("nothing new", n+1, 0, "")
		stop()
		<-ended
	})
}

func TestRecordInAStore(t *testing.T) {
	store, err := state.NewFolderStore(t.TempDir())
	kubetest.Must(t, err)
	if r, err := objects.StoredGuardRecord(t.Context(), store); r != nil || err != nil {
		t.Errorf("at first: %+v %v", r, err)
	}
	for n := range 2 {
		want := objects.GuardRecord{Hosts: n, Hash: fmt.Sprint("h", n)}
		kubetest.Must(t, objects.PutGuardRecord(t.Context(), store, want))
		if r, err := objects.StoredGuardRecord(t.Context(), store); err != nil || *r != want {
			t.Errorf("got %+v %v, want %+v", r, err, want)
		}
	}
	if r := objects.ReadGuardRecord(map[string]string{"hosts": "many"}, ""); r.Hosts != 0 {
		t.Errorf("a spoilt number is read as %d", r.Hosts)
	}
}

// TestGuardChangesNothing: as long as it does not hold, what is served is what
// a Builder builds.
func TestGuardChangesNothing(t *testing.T) {
	g := newGuarded(t, 30)
	var builder compile.Builder
	for i := range 15 {
		g.edit(i, func(in *networkingv1.Ingress) { in.Spec.Rules[0].Host = fmt.Sprintf("moved%d.example.com", i) })
		g.deleteFirst()
		if got, want := g.snapshot.String(), builder.Build(g.objects, g.cfg).String(); got != want {
			t.Fatalf("after %d changes the guard serves\n%s\nwant\n%s", i, got, want)
		}
		g.objects.Now = g.objects.Now.Add(time.Minute)
	}
}

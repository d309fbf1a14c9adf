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

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// rival adds an Ingress of another namespace that is older than all others.
func (g *guarded) rival(hosts ...string) {
	in := g.ingress("rival", hosts...)
	in.Namespace, in.Spec.TLS = "rival", nil
	in.CreationTimestamp.Time = in.CreationTimestamp.Add(-1000 * time.Hour)
	g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, in)
}

func (g *guarded) owns(when, host, owner string) {
	g.t.Helper()
	if got := g.snapshot.Hosts.Get(gatelodge.Name(host)).Owner; got != owner {
		g.t.Errorf("%s: %s is %s's, want %s's", when, host, got, owner)
	}
}

// start begins as another process does, with what is written down.
func (g *guarded) start(record objects.Holdings) {
	g.guard = &Guard{Log: slog.New(slog.NewTextHandler(g.t.Output(), nil))}
	g.objects.Claims = record
	g.build()
}

// TestNamesOutliveProcesses: a host stays whose it is, on the replica that sees
// another claim it, on those that start later, and whatever became of the record.
func TestNamesOutliveProcesses(t *testing.T) {
	host := hostNumber(0)
	g := newGuarded(t, 3)
	g.rival(host, hostNumber(9))
	g.build()
	g.owns("on the replica that served it before", host, "shop")
	record := g.guard.names.Record(objects.MaxClaims)
	if h := record.Get(gatelodge.Name(host)); record.Len() != 1 || h == nil || h.Namespace != "shop" {
		t.Errorf("%d names are written down, of %s: %v", record.Len(), host, h)
	}
	g.start(record)
	g.owns("on a replica that starts with the record", host, "shop")
	g.start(objects.Holdings{})
	g.owns("on one that starts without it", host, "rival")
	g.objects.Claims = record
	g.build()
	g.owns("when it has the record", host, "shop")
	g.objects.Claims = objects.Holdings{}
	g.build()
	g.owns("when the record is lost", host, "shop")

	g.objects.Ingresses = g.objects.Ingresses.Without(objects.Key{Namespace: "shop", Name: "web0"})
	g.build()
	g.owns("when its owner is gone", host, "rival")
	if record := g.guard.names.Record(objects.MaxClaims); record.Len() != 0 {
		t.Errorf("%d names are written down, of which one namespace alone claims each", record.Len())
	}
}

// TestWithheldNamesAreTheirOwners: what is deleted at the same moment as it is
// claimed by another, or is claimed later, is withheld for its owner.
func TestWithheldNamesAreTheirOwners(t *testing.T) {
	for _, when := range []string{"at once", "later"} {
		g := newGuarded(t, 20)
		g.objects.Ingresses = objects.Table[*networkingv1.Ingress]{}
		if when == "later" {
			g.build()
		}
		g.rival(hostNumber(3))
		g.build()
		g.serves("claimed "+when, numbers(0, 20)...)
		g.owns("claimed "+when, hostNumber(3), "shop")
		g.holds("claimed "+when, 20)
		g.objects.Now = g.objects.Now.Add(time.Hour)
		g.build()
		g.owns("after the hold, claimed "+when, hostNumber(3), "rival")
		g.holds("after the hold, claimed "+when, 0)
	}
}

// TestNamesAreWrittenDown when they are contested, at once where age would decide
// otherwise, and again if that failed.
func TestNamesAreWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t, 40)
		var mu sync.Mutex
		var puts []string
		var fail error
		ctx, stop := context.WithCancel(context.Background())
		var keeping sync.WaitGroup
		keeping.Go(func() {
			g.guard.KeepNames(ctx, func(_ context.Context, h objects.Holdings) error {
				mu.Lock()
				defer mu.Unlock()
				puts = append(puts, fmt.Sprint(h.Len()))
				return fail
			})
		})
		wrote := func(what string, after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if fmt.Sprint(puts) != fmt.Sprint(want) {
				t.Errorf("%s: wrote %v, want %v", what, puts, want)
			}
			puts = nil
		}
		claim := func(n int, older bool) {
			in := g.ingress(fmt.Sprint("rival", n), hostNumber(n))
			in.Namespace = "rival"
			if older {
				in.CreationTimestamp.Time = in.CreationTimestamp.Add(-1000 * time.Hour)
			}
			g.objects.Ingresses = objects.WithObjects(g.objects.Ingresses, in)
			g.build()
		}
		wrote("with nothing contested", time.Hour)
		claim(0, true)
		wrote("what age would give to another", 0, "1")
		claim(1, true)
		claim(2, true)
		wrote("more at the same moment", 0)
		wrote("more after a second", namesEvery, "3")
		time.Sleep(time.Minute)
		claim(3, false)
		wrote("what age decides alike", namesLater-time.Second)
		wrote("what age decides alike, later", time.Second, "4")
		answer := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			fail = err
		}
		answer(errors.New("no"))
		claim(4, true)
		wrote("when it fails", namesEvery, "5")
		answer(nil)
		wrote("again", namesRetry, "5")
		wrote("and no more", time.Hour)
		if !g.guard.incumbents(objects.Holdings{}).Leading {
			t.Error("what it served does not count before the record")
		}
		stop()
		keeping.Wait()
		if g.guard.incumbents(objects.Holdings{}).Leading {
			t.Error("it does not lead any more, and still counts as if it did")
		}
	})
}

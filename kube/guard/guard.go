package guard

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Guard builds Snapshots, and prevents withdrawals that look like a mistake: a "delete
// --all" in the wrong cluster, an operator that lost its database, an API server whose
// store is empty.
//
// It compares the objects of the source with the previous ones. Names that no object
// asks for any more are remembered for GuardConfig.Window. When too many hosts
// disappeared within it, or a complete list lacks every object of a kind, the Guard
// holds: what disappeared returns, and what disappears from then on is withheld, each
// with the Services, EndpointSlices, Secrets and ConfigMaps that it needs. So route,
// certificate and record stay together. A name that an object asks for again is served
// as that object says, and all other changes take effect.
//
// A withdrawal goes ahead after GuardConfig.Hold or when it is confirmed, by Confirm or
// in the GuardRecord. A change of the configuration is never withheld, because an
// operator made it.
type Guard struct {
	Log *slog.Logger
	// Recall returns the objects that were served last, if they are kept; it is
	// called at most once, at the start. It may be nil.
	Recall func() (objects.Objects, bool)
	// Reader is shared with a source that reads Ingresses as well; it may be nil.
	Reader *intent.Reader

	source compile.Builder // builds the objects of the source …
	held   compile.Builder // … and, while holding, that together with what is withheld
	last   *sight          // nil: nothing was served yet
	began  time.Time

	window     window
	departures departures
	deleted    deletedObjects
	withheld   intent.Claimants // made of the departures
	hold       *hold            // nil: nothing is withheld

	mu        sync.Mutex // guards the following, for other goroutines
	status    Status
	served    *gatelodge.Snapshot
	asked     compile.Asked // by what is served
	confirmed bool
	news      gatelodge.Signal // the record may have changed; nil: this replica does not write it

	names     claims.Held      // the owners of names as last served
	recorded  objects.Holdings // the record of them
	leading   bool             // this replica writes the record
	namesNews gatelodge.Signal // the record may have changed; nil: this replica does not write it
}

// hold is the state of a withdrawal that is held.
type hold struct {
	until   time.Time
	classes objects.Table[*networkingv1.IngressClass] // the classes of the served Ingresses
	stale   string                                    // confirmed before, so not meant for this one
	had     map[string]int                            // hosts of each namespace, before
	list    withheldList                              // of the last Build
}

// sight is what the Guard sees at one time.
type sight struct {
	objects   objects.Objects
	cfg       *objects.Config
	claimants intent.Claimants
	hosts     gatelodge.Map[gatelodge.Name, *gatelodge.Host]
}

// see builds the objects and returns what has to be compared.
func (g *Guard) see(b *compile.Builder, objs objects.Objects, cfg *objects.Config) (*sight, *gatelodge.Snapshot) {
	objs.Good = b.Good()
	snapshot := b.BuildWith(objs, compile.Extra{Incumbents: g.incumbents(objs.Claims)}, cfg)
	return &sight{objects: objs, cfg: cfg, hosts: snapshot.Hosts, claimants: b.Claimants()}, snapshot
}

// Build compiles the objects into what is served. It returns nil if, after a start,
// there is so little that it must not be served yet. again is when to build again
// although nothing changed; zero: never.
func (g *Guard) Build(objs objects.Objects, cfg *objects.Config) (snapshot *gatelodge.Snapshot, again time.Time) {
	g.source.Reader = g.Reader
	before := g.source // a copy: the state of a Builder is immutable
	now, snapshot := g.see(&g.source, objs, cfg)
	tripped := false
	if g.last == nil {
		switch g.begin(now, &before) {
		case beginLater:
			return nil, g.began.Add(cfg.Guard.Hold)
		case beginRecalled:
			tripped = true
		case beginNow:
			g.last = now
		}
	}
	tripped = g.compare(now, &before) || tripped
	last := g.last
	g.last = now
	if g.hold == nil && tripped && cfg.Guard.Hold > 0 {
		g.hold = &hold{until: objs.Now.Add(cfg.Guard.Hold), classes: last.objects.Classes, had: g.window.hostsByNamespace(now.hosts)}
		if objs.Guard != nil {
			g.hold.stale = objs.Guard.Confirmed
		}
		g.held = before // it remembers what disappeared
	}
	if g.hold != nil {
		if held := g.withhold(now); held != nil {
			g.note(held, &g.held)
			return held, earliest(held.RebuildAt, g.hold.until)
		}
		g.release()
	}
	g.note(snapshot, &g.source)
	return snapshot, snapshot.RebuildAt
}

// compare records what disappeared and came since the last time, and reports whether
// that is too much.
func (g *Guard) compare(now *sight, before *compile.Builder) (tripped bool) {
	last, at := g.last, now.objects.Now
	since := at.Add(-now.cfg.Guard.Window)
	if now.cfg != last.cfg {
		last, _ = g.see(before, last.objects, now.cfg)
		g.reconfigure(now.cfg)
	}
	if !last.objects.Remembered.IsZero() && now.objects.Remembered.IsZero() {
		now.objects.Relists = append(objects.RelistOf(&last.objects, &now.objects), now.objects.Relists...)
	}
	if g.hold == nil {
		g.departures.forgetIf(func(gone *departure) bool { return gone.at.Before(since) })
		g.deleted.forgetBefore(since)
	}
	lost := g.compareNames(last, now)
	every := g.deleted.note(&last.objects, &now.objects, at, func() needs {
		n := needsOf(last.claimants)
		n.addConfig(now.cfg)
		return n
	})
	g.window.observe(last.hosts, now.hosts, at, since)
	return every || everyLacking(lost, last, now) || g.window.exceeded(&now.cfg.Guard, g.departures.allNames)
}

// compareNames records claimants that no longer ask for a name, and drops those whose
// name another object has claimed again. It returns the UIDs of the objects that gave
// something up.
func (g *Guard) compareNames(last, now *sight) (lost []string) {
	lost, begun := g.departures.note(last, now)
	if len(g.departures.list) == 0 {
		return lost
	}
	anew := make(map[gatelodge.Name]bool)
	for _, b := range begun {
		if !g.isHeldFrom(b.by.Object.Namespace, b.name) && servedFor(now.hosts.Get(b.name), b.by) {
			anew[b.name] = true
		}
	}
	if len(anew) > 0 {
		g.departures.forget(anew)
	}
	return lost
}

// everyLacking reports whether an object that gave something up, or its class, was in a
// list that is now empty.
func everyLacking(lost []string, last, now *sight) bool {
	if len(lost) == 0 {
		return false
	}
	relists := now.objects.Relists
	return slices.ContainsFunc(lost, func(uid string) bool { _, every := objects.Lacking(relists, types.UID(uid)); return every }) ||
		everyClassLacking(relists, last, now)
}

func everyClassLacking(relists []*objects.Relist, last, now *sight) bool {
	for _, class := range objects.KindOf("IngressClass").Deleted(&last.objects, &now.objects) {
		if _, every := objects.Lacking(relists, class.GetUID()); every {
			return true
		}
	}
	return false
}

// servedFor reports whether the host is served for the object: its namespace owns the
// name, or it may add routes to it.
func servedFor(host *gatelodge.Host, a *intent.Applicant) bool {
	return host != nil && (host.Owner == a.Object.Namespace ||
		slices.ContainsFunc(host.Routes, func(r *gatelodge.Route) bool { return r.Object.UID == a.Object.UID }))
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

package guard

import (
	"fmt"
	"maps"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// The ways to start.
type beginning uint8

const (
	beginNow      beginning = iota // there is no reason to wait
	beginRecalled                  // with what was served last
	beginLater                     // there is so little that it must not be served yet
)

// begin decides about the first objects, by the record of how much was served, and by
// the objects that were served last if they are kept.
func (g *Guard) begin(now *sight, before *compile.Builder) beginning {
	record, guard, at := now.objects.Guard, &now.cfg.Guard, now.objects.Now
	if guard.Hold == 0 || !now.objects.Remembered.IsZero() || record != nil && !guard.TooFew(now.hosts.Len(), record.Hosts) {
		g.show(Status{})
		return beginNow
	}
	if g.began.IsZero() {
		g.began = at
		if g.recall(now, before) {
			return beginRecalled
		}
		if record == nil {
			return beginNow
		}
		g.Log.Warn("the guard delays the start: there are far fewer hosts than were served", "hosts", now.hosts.Len(), "served", record.Hosts)
	}
	status := Status{Starting: true, Until: g.began.Add(guard.Hold), Hash: hashOfStart(record), There: now.hosts.Len(), Before: record.Hosts}
	if over := g.over(&status, record, "", at); over != "" {
		g.Log.Warn("the guard lets the gateway start", "because", over, "hosts", now.hosts.Len(), "served", record.Hosts)
		g.show(Status{})
		return beginNow
	}
	g.show(status)
	return beginLater
}

// recall starts from the objects that were served last, if they are kept, are far more
// than now, and not far fewer than were served.
func (g *Guard) recall(now *sight, before *compile.Builder) bool {
	if g.Recall == nil {
		return false
	}
	objs, ok := g.Recall()
	if !ok {
		return false
	}
	objs.Now = now.objects.Now
	builder := *before
	last, _ := g.see(&builder, objs, now.cfg)
	guard, record := &now.cfg.Guard, now.objects.Guard
	if !guard.TooFew(now.hosts.Len(), last.hosts.Len()) || record != nil && guard.TooFew(last.hosts.Len(), record.Hosts) {
		return false
	}
	g.last, *before = last, builder
	return true
}

// withhold builds what is served while the Guard holds; nil once that is over.
func (g *Guard) withhold(now *sight) *gatelodge.Snapshot {
	g.withheld = g.departures.follow(g.withheld, g.departures.spared(&now.cfg.Guard, g.hold.had, now.hosts))
	objs := now.objects
	relisted := g.deleted.addTo(&objs, needsOf(g.withheld))
	objs.Good = g.held.Good()
	snapshot := g.held.BuildWith(objs, compile.Extra{Withheld: g.withheld, Incumbents: g.incumbents(objs.Claims)}, now.cfg)

	status := Status{Holding: true, Until: g.hold.until, Objects: relisted}
	status.Hosts, status.Hash = g.withheldHosts(snapshot.Hosts, relisted)
	over := "everything that disappeared is back"
	if len(status.Hosts) > 0 || len(relisted) > 0 {
		over = g.over(&status, objs.Guard, g.hold.stale, objs.Now)
	}
	if over != "" {
		g.Log.Warn("the guard no longer holds", "because", over, "hosts", len(status.Hosts), "hash", status.Hash)
		return nil
	}
	if !g.Status().Holding {
		g.Log.Warn("the guard holds a withdrawal", "hosts", len(status.Hosts), "hash", status.Hash, "until", status.Until.UTC().Format(time.RFC3339), "first", status.Hosts[:min(len(status.Hosts), 10)])
	}
	g.show(status)
	snapshot.Problems = snapshot.Problems.With(status.problem(), true)
	return snapshot
}

// over returns why a hold is over, "" while it is not.
func (g *Guard) over(status *Status, record *objects.GuardRecord, stale string, now time.Time) string {
	g.mu.Lock()
	confirmed := g.confirmed
	g.confirmed = false
	g.mu.Unlock()
	switch {
	case confirmed || record.Confirms(status.Hash, stale):
		return "it was confirmed"
	case !now.Before(status.Until):
		return "guard.hold has passed"
	}
	return ""
}

// release ends the hold, so that all withheld objects disappear.
func (g *Guard) release() {
	g.show(Status{})
	g.hold, g.held = nil, compile.Builder{}
	g.forget()
}

// withheldList contains the withheld hosts at one time.
type withheldList struct {
	withheld intent.Claimants
	relisted []gatelodge.Object
	served   gatelodge.Map[gatelodge.Name, *gatelodge.Host]
	asked    map[gatelodge.Name]bool // the names of withheld

	hosts []gatelodge.Name
	hash  string
}

// holds reports whether the list is still valid for what is withheld.
func (l *withheldList) holds(withheld intent.Claimants, relisted []gatelodge.Object, served gatelodge.Map[gatelodge.Name, *gatelodge.Host]) bool {
	if l.asked == nil || l.withheld != withheld || !slices.Equal(l.relisted, relisted) {
		return false
	}
	for name := range served.Changes(l.served) {
		if l.asked[name] {
			return false
		}
	}
	return true
}

// withheldHosts returns the sorted list of withheld hosts, and a hash for the
// confirmation. The hash includes the objects, which are never the same twice, so a
// confirmation never applies to another list. The list is computed again only if it may
// have changed, because it may be long and other changes continue.
func (g *Guard) withheldHosts(served gatelodge.Map[gatelodge.Name, *gatelodge.Host], relisted []gatelodge.Object) (hosts []gatelodge.Name, hash string) {
	l := &g.hold.list
	if l.holds(g.withheld, relisted, served) {
		l.served = served
		return l.hosts, l.hash
	}
	*l = withheldList{withheld: g.withheld, relisted: relisted, served: served, asked: make(map[gatelodge.Name]bool)}
	names := make(map[gatelodge.Name]bool)
	var lines []string
	for _, claimant := range g.withheld.All() {
		for name := range claimant.Names() {
			l.asked[name] = true
			if servedFor(served.Get(name), &claimant.Applicant) {
				names[name] = true
				lines = append(lines, fmt.Sprintf("%s %s", name, claimant.Object.UID))
			}
		}
	}
	for _, o := range relisted {
		lines = append(lines, o.UID)
	}
	slices.Sort(lines)
	l.hosts, l.hash = slices.SortedFunc(maps.Keys(names), gatelodge.Name.Compare), hashOfLines(slices.Compact(lines))
	return l.hosts, l.hash
}

// forget drops the recorded departures, so that a new window begins.
func (g *Guard) forget() {
	g.withheld, g.departures, g.deleted, g.window = intent.Claimants{}, departures{}, deletedObjects{}, window{}
}

// reconfigure begins a new window, and drops what the new configuration does not serve.
func (g *Guard) reconfigure(cfg *objects.Config) {
	if g.hold == nil {
		g.forget()
		return
	}
	classes := intent.NewClasses(g.hold.classes, cfg)
	g.departures.forgetIf(func(gone *departure) bool {
		if gone.kept.Source != nil {
			ours, _ := classes.Has(gone.kept.Source)
			return !ours
		}
		return !cfg.HasNamespace(gone.kept.Object.Namespace)
	})
}

package guard

import (
	"context"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/objects"
)

// hashOfStart returns the hash that confirms a start with far less than the record has.
func hashOfStart(r *objects.GuardRecord) string { return hashOfLines([]string{"start", r.Hash}) }

// record returns the current record; ok is false before anything is served.
func (g *Guard) record() (r objects.GuardRecord, ok bool) {
	g.mu.Lock()
	served, status := g.served, g.status
	g.mu.Unlock()
	if served == nil {
		return objects.GuardRecord{}, false
	}
	var lines []string
	for _, host := range served.Hosts.All() {
		line := string(host.Name)
		for _, route := range host.Routes {
			line += " " + route.Object.UID
		}
		lines = append(lines, line)
	}
	r = objects.GuardRecord{Hosts: served.Hosts.Len(), Hash: hashOfLines(lines)}
	if status.Holding {
		r.Withheld = status.Hash
	}
	return r, true
}

// note records what is about to be served.
func (g *Guard) note(snapshot *gatelodge.Snapshot, by *compile.Builder) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = by.Held(g.names, g.last.objects.Now)
	if g.namesNews != nil {
		g.namesNews.Raise()
	}
	g.served, g.asked = snapshot, by.Asked()
	if g.news != nil {
		g.news.Raise()
	}
}

// recordEvery is the minimum interval between records, unless a list is waited for.
const recordEvery = 5 * time.Second

// Keep writes the record whenever it changes, until ctx ends. The leader calls it. A
// failed attempt is repeated; put reports it.
func (g *Guard) Keep(ctx context.Context, put func(ctx context.Context, r objects.GuardRecord) error) {
	news := gatelodge.NewSignal()
	news.Raise()
	g.mu.Lock()
	g.news = news
	g.mu.Unlock()
	var written *objects.GuardRecord
	var wait <-chan time.Time // set: the next check is then, except for a list that is withheld
	pending := false          // there is something to check
	for {
		select {
		case <-news:
			pending = true
		case <-wait:
			wait = nil
		case <-ctx.Done():
			return
		}
		if !pending || wait != nil && written != nil && written.Withheld == g.withheldHash() {
			continue
		}
		r, ok := g.record() // scans all hosts
		if !ok {
			continue
		}
		wait = time.After(recordEvery)
		pending = false
		if written != nil && r == *written {
			continue
		}
		if err := put(ctx, r); err != nil {
			pending = true
			continue
		}
		written = &r
	}
}

func (g *Guard) withheldHash() string {
	status := g.Status()
	if !status.Holding {
		return ""
	}
	return status.Hash
}

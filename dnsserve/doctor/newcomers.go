package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// newcomers are the hosts that resolvers are asked for: those that are new, of
// which one may remember that they did not exist (RFC 2308), until it has forgotten.
type newcomers struct {
	hosts   gatelodge.Map[gatelodge.Name, *gatelodge.Host] // at the last look; used by Run alone, as is all else
	looked  bool
	waiting map[gatelodge.Name]bool
}

// Bounds of what resolvers are asked.
const (
	newcomersEvery = 30 * time.Second // about how often
	maxWaiting     = 20               // hosts at a time; others are not asked for
	maxAtFirst     = 3                // hosts at the first look, when all are new
)

// note takes the hosts that are new since the last look, and drops those that are gone.
func (n *newcomers) note(hosts gatelodge.Map[gatelodge.Name, *gatelodge.Host]) {
	most := maxWaiting
	if !n.looked {
		most = maxAtFirst
	}
	for name, change := range hosts.Changes(n.hosts) {
		if change.After == nil {
			delete(n.waiting, name)
		} else if change.Before == nil && name != "" && !name.IsWildcard() && len(n.waiting) < most {
			n.waiting[name] = true
		}
	}
	n.hosts, n.looked = hosts, true
}

// lookAgain asks the resolvers between two rounds, and reports whether something
// else was found than before.
func (d *Doctor) lookAgain(ctx context.Context) bool {
	before := d.found.Load()
	if before == nil {
		return false
	}
	found := make(map[gatelodge.Name]*gatelodge.Delegation)
	for zone, f := range *before {
		again := *f
		again.Findings = slices.DeleteFunc(slices.Clone(f.Findings), func(f gatelodge.Finding) bool { return f.Kind == gatelodge.StaleAnswer })
		found[zone] = &again
	}
	d.askResolvers(ctx, d.Snapshot(), found)
	for zone, f := range found {
		if !slices.Equal(f.Findings, (*before)[zone].Findings) {
			d.set(found)
			return true
		}
	}
	return false
}

// askResolvers adds to what was found which resolvers don't know a host yet.
func (d *Doctor) askResolvers(ctx context.Context, snapshot *gatelodge.Snapshot, found map[gatelodge.Name]*gatelodge.Delegation) {
	d.note(snapshot.Hosts)
	c := d.client()
	for name := range d.waiting {
		f := holder(found, name)
		if f == nil || !d.exists(snapshot, name) {
			delete(d.waiting, name)
			continue
		}
		stale := false
		for _, resolver := range c.Resolvers {
			r, err := c.ask(ctx, resolver, name, dns.TypeA, true)
			if err != nil || r.Rcode != dns.RcodeNameError {
				continue
			}
			stale = true
			f.Findings = append(f.Findings, gatelodge.Finding{
				Kind: gatelodge.StaleAnswer, Name: name,
				Text: fmt.Sprintf("resolver %s still says that %s does not exist: it was asked before the name existed, and remembers that for up to %s", resolver, name, remembered(r)),
				Do:   "wait, or have the cache of the resolver flushed; a lower negativeTTL of the zone shortens this",
			})
		}
		if !stale {
			delete(d.waiting, name)
		}
	}
}

// holder returns what was found of the zone that holds a name; nil for none.
func holder(found map[gatelodge.Name]*gatelodge.Delegation, name gatelodge.Name) (holds *gatelodge.Delegation) {
	for zone, f := range found {
		if name.Within(zone) && (holds == nil || len(zone) > len(holds.Zone)) {
			holds = f
		}
	}
	return holds
}

// exists reports whether a view has an address of the name.
func (d *Doctor) exists(s *gatelodge.Snapshot, name gatelodge.Name) bool {
	return slices.ContainsFunc(s.Views, func(v *gatelodge.View) bool { return len(d.Answer(v.Name, name, "A").Records) > 0 })
}

// remembered is how long a resolver keeps a negative answer (RFC 2308 §5).
func remembered(r *dns.Msg) time.Duration {
	for _, rr := range r.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
		}
	}
	return 0
}

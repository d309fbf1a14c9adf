package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// newcomers are the new hosts that resolvers are asked about. A resolver may remember
// that a host did not exist (RFC 2308), until that answer expires.
type newcomers struct {
	hosts   gatelodge.Map[gatelodge.Name, *gatelodge.Host] // at the last check; used only by Run, like everything else
	looked  bool
	waiting map[gatelodge.Name]bool
}

// Limits of the queries to resolvers.
const (
	newcomersEvery = 30 * time.Second // approximate interval
	maxWaiting     = 20               // hosts at a time; others are not checked
	maxAtFirst     = 3                // hosts at the first check, when all are new
)

// note records the hosts that are new since the last check, and drops those that are
// gone.
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

// lookAgain asks the resolvers between two rounds, and reports whether the results
// changed.
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

// askResolvers adds to the results which resolvers don't know a host yet.
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

// holder returns the result of the zone that contains a name, or nil.
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

// remembered returns how long a resolver keeps a negative answer (RFC 2308 §5).
func remembered(r *dns.Msg) time.Duration {
	for _, rr := range r.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return time.Duration(min(soa.Hdr.Ttl, soa.Minttl)) * time.Second
		}
	}
	return 0
}

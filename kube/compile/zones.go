package compile

import (
	"net/netip"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// views is every view with its zones.
type views struct {
	grants    *grants
	announced *announced
	https     *httpsRecords
	answers   *challenges
	cfg       *objects.Config

	list  []*gatelodge.View
	zones map[zoneKey]*zoneResult
}

// zoneKey names a zone in a view.
type zoneKey struct {
	view string
	zone gatelodge.Name
}

// zoneResult is a zone in a view and how to make it anew where it changed.
type zoneResult struct {
	configured *configured
	nodes      map[gatelodge.Name]*nodeResult
	order      []*nodeResult // sorted by name
	served     gatelodge.Map[gatelodge.Name, *gatelodge.Node]
}

// configured is the nodes that come from the configuration, and what else they
// were made of.
type configured struct {
	zone        *objects.ZoneConfig
	nameservers []netip.Addr
	nodes       map[gatelodge.Name]*nodeResult
}

// nodeResult is a Node and what it was made of.
type nodeResult struct {
	origin nodeOrigin
	node   *gatelodge.Node
}

// nodeOrigin is all that the records of a granted name depend on. It is zero
// for names of the configuration.
type nodeOrigin struct {
	ttl       time.Duration
	target    *intent.Target     // what the name resolves to, nil for nothing, …
	https     string             // … the RDATA of its HTTPS record, "" for none, …
	records   *intent.RecordSets // … and its other records …
	owner     *intent.Applicant  // … or whom the record tells of
	ownerName gatelodge.Name
}

func makeViews(g *grants, a *announced, https *httpsRecords, answers *challenges, cfg *objects.Config, last *views) *views {
	if last != nil && last.grants == g && last.announced == a && last.https == https && last.answers == answers && last.cfg == cfg {
		return last
	}
	v := &views{grants: g, announced: a, https: https, answers: answers, cfg: cfg, zones: make(map[zoneKey]*zoneResult)}
	granted, proofs := grantsByZone(g, cfg), challengeRecords(answers, cfg)
	for i := range cfg.Views {
		viewConfig := &cfg.Views[i]
		view := &gatelodge.View{Name: viewConfig.Name, Addresses: a.views[viewConfig.Name].Addresses}
		for j := range cfg.Zones {
			zone := &cfg.Zones[j]
			if !slices.Contains(zone.Views, view.Name) {
				continue
			}
			b := &zoneBuilder{
				zone: zone, view: viewConfig, announced: a, https: https, grants: g,
				last: &zoneResult{}, next: &zoneResult{nodes: make(map[gatelodge.Name]*nodeResult)},
			}
			key := zoneKey{view.Name, zone.Name}
			if last != nil && last.zones[key] != nil {
				b.last = last.zones[key]
			}
			view.Zones = append(view.Zones, b.build(granted[zone.Name], proofs[zone.Name]))
			v.zones[key] = b.next
		}
		slices.SortFunc(view.Zones, func(a, b *gatelodge.Zone) int { return a.Name.Compare(b.Name) })
		v.list = append(v.list, view)
	}
	return v
}

// grantsByZone gives each granted name to the zone that holds it, the longest
// whose suffix it has. Names outside all zones are other people's to publish.
func grantsByZone(g *grants, cfg *objects.Config) map[gatelodge.Name][]*grant {
	apexes := cfg.Apexes()
	byZone := make(map[gatelodge.Name][]*grant, len(apexes))
	if len(apexes) == 0 {
		return byZone
	}
	// Names with one parent stand together, as a rule.
	parent := gatelodge.Name(".") // no name's
	var apex gatelodge.Name
	var ok bool
	for _, granted := range g.names.All() {
		name := granted.name
		switch {
		case name == "":
		case apexes[name]:
			byZone[name] = append(byZone[name], granted)
		default:
			if p := name.Parent(); p != parent {
				parent = p
				apex, ok = zoneOf(p, apexes)
			}
			if ok {
				byZone[apex] = append(byZone[apex], granted)
			}
		}
	}
	return byZone
}

func zoneOf(name gatelodge.Name, apexes map[gatelodge.Name]bool) (apex gatelodge.Name, ok bool) {
	for apex = name; ; apex = apex.Parent() {
		if apexes[apex] {
			return apex, true
		}
		if apex == "" {
			return "", false
		}
	}
}

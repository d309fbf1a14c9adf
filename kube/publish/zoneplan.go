package publish

import (
	"net/netip"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// plans contains the zones of the configuration, by name, in each of their views.
type plans map[gatelodge.Name][]*zonePlan

// zonePlan is the configuration of a zone in a view.
type zonePlan struct {
	zone        *objects.ZoneConfig
	view        string
	nameservers []netip.Addr // their addresses
	issuers     []string     // RDATA of CAA records for the configured CAs

	records map[gatelodge.Name][]gatelodge.Record
	cuts    map[gatelodge.Name]cut
}

// cut is a name of the configuration below which the zone is not authoritative: other
// servers answer there (RFC 1034 §4.2.1), or a DNAME leads elsewhere (RFC 6672 §2.4).
type cut struct {
	at    gatelodge.Name
	dname gatelodge.Name // where the DNAME leads; "": the names at and below the cut are delegated
}

// planZones reads the zones. Unchanged plans of last are reused.
func planZones(cfg *objects.Config, a *Announced, accounts *Accounts, last plans) plans {
	p, issuers := make(plans, len(cfg.Zones)), accounts.Issuers(cfg)
	for i := range cfg.Zones {
		zone := &cfg.Zones[i]
		for _, view := range zone.Views {
			nameservers := a.Nameservers[view]
			plan := last.in(zone.Name, view)
			if plan == nil || plan.zone != zone || !slices.Equal(plan.nameservers, nameservers) || !slices.Equal(plan.issuers, issuers) {
				plan = &zonePlan{
					zone: zone, view: view, nameservers: nameservers, issuers: issuers,
					records: make(map[gatelodge.Name][]gatelodge.Record), cuts: make(map[gatelodge.Name]cut),
				}
				plan.addRecords()
			}
			p[zone.Name] = append(p[zone.Name], plan)
		}
	}
	return p
}

// in returns the plan of a zone in a view, nil for none.
func (p plans) in(zone gatelodge.Name, view string) *zonePlan {
	for _, plan := range p[zone] {
		if plan.view == view {
			return plan
		}
	}
	return nil
}

// sameZones reports whether two configurations have the same zones, whatever their
// content.
func (p plans) sameZones(other plans) bool {
	for name := range p {
		if other[name] == nil {
			return false
		}
	}
	return len(p) == len(other)
}

// addRecords adds the records of the apex, of the name servers and the static ones. A
// static address of a name server overrides the addresses of the DNS Service.
func (p *zonePlan) addRecords() {
	add := func(name gatelodge.Name, typ, data string) {
		p.records[name] = append(p.records[name], gatelodge.Record{Name: name, Type: typ, TTL: p.zone.TTL, Data: data})
	}
	for _, record := range p.zone.Records {
		p.records[record.Name] = append(p.records[record.Name], record)
		switch {
		case record.Type == "NS" && record.Name != p.zone.Name:
			p.cuts[record.Name] = cut{at: record.Name}
		case record.Type == "DNAME":
			if to, err := gatelodge.ParseName(record.Data); err == nil {
				p.cuts[record.Name] = cut{at: record.Name, dname: to}
			}
		}
	}
	for _, ns := range p.zone.Nameservers {
		if ns.Within(p.zone.Name) && !slices.ContainsFunc(p.records[ns], objects.IsAddress) {
			for _, address := range p.nameservers {
				add(ns, addressType(address), address.String())
			}
		}
	}
	for _, ns := range p.zone.Nameservers {
		add(p.zone.Name, "NS", string(ns)+".")
	}
	p.addCAA(add)
}

// cutAbove returns the highest cut at or above the name.
func (p *zonePlan) cutAbove(name gatelodge.Name) (found cut, ok bool) {
	if len(p.cuts) == 0 {
		return cut{}, false
	}
	for at := name; at != "" && at.Within(p.zone.Name); at = at.Parent() {
		if c, is := p.cuts[at]; is && (at != name || c.dname == "") {
			found, ok = c, true
		}
	}
	return found, ok
}

// substitute returns the name to which the DNAME leads from a name below it (RFC
// 6672 §2.2), false where there is none: the cut is a delegation, or the name
// would be too long.
func (c cut) substitute(name gatelodge.Name) (to gatelodge.Name, ok bool) {
	to = name[:len(name)-len(c.at)] + c.dname
	return to, c.dname != "" && len(to) <= gatelodge.MaxNameLength
}

// ZoneOf returns the zone that contains the name: the one with the longest matching
// suffix.
func ZoneOf(name gatelodge.Name, apexes map[gatelodge.Name]bool) (apex gatelodge.Name, ok bool) {
	for apex = name; ; apex = apex.Parent() {
		if apexes[apex] {
			return apex, true
		}
		if apex == "" {
			return "", false
		}
	}
}

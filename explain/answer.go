package explain

import (
	"fmt"
	"net/netip"
	"slices"

	gatelodge "gatelodge.dev"
)

// delegation describes the answers of the parent zone about the zone of the name.
func (t *timeline) delegation() *Step {
	zone := t.zone()
	if zone == nil {
		return nil // the answers say so
	}
	s := &Step{Kind: Delegation, Title: "Delegation", State: Info}
	var d *gatelodge.Delegation
	if t.Delegation != nil {
		d = t.Knowledge.Delegation(zone.Name)
	}
	switch {
	case d == nil:
		s.Text = fmt.Sprintf("the delegation of zone %s is not checked (dns.doctor)", zone.Name)
		return s
	case d.Error != "":
		s.Text = fmt.Sprintf("the delegation of zone %s could not be checked: %s", zone.Name, d.Error)
	default:
		s.State = OK
		s.Text = fmt.Sprintf("zone %s is delegated to %s", zone.Name, list(d.Servers))
	}
	for _, g := range d.Glue {
		s.add(Info, "glue", g.String())
	}
	for _, f := range d.Findings {
		if f.Name != "" && f.Name != t.Name {
			continue
		}
		state := Warning
		if f.Kind == gatelodge.NotDelegated || f.Kind == gatelodge.UnsignedDS {
			state = Broken
		}
		s.add(state, string(f.Kind), f.Text)
		s.worse(state, f.Text, f.Do)
	}
	s.addAt(Info, "checked", "by the leader", d.At)
	return s
}

// zone returns a zone that contains the name, in any view, or nil.
func (t *timeline) zone() (holds *gatelodge.Zone) {
	for _, v := range t.Snapshot.Views {
		for _, z := range v.Zones {
			if !z.Private && t.Name.Within(z.Name) && (holds == nil || len(z.Name) > len(holds.Name)) {
				holds = z
			}
		}
	}
	return holds
}

// answers describes the answer of each view for the name.
func (t *timeline) answers() []Step {
	if t.zone() == nil {
		s := Step{Kind: Answer, Title: "DNS", State: Info, Text: fmt.Sprintf("no zone of this gateway holds %s: its address is published elsewhere", t.Name)}
		if zones := t.zones(); len(zones) > 0 && t.host != nil {
			s.State = Warning
			s.Text = fmt.Sprintf("%s is outside the zones of this gateway (%s), so no record is published for it here", t.Name, list(zones))
			s.Do = "use a name within a zone, add the zone under dns.zones, or publish its address on the servers of its zone"
		}
		return []Step{s}
	}
	var steps []Step
	for _, v := range t.Snapshot.Views {
		steps = append(steps, t.answer(v))
	}
	return steps
}

// zones lists the zones that are served.
func (t *timeline) zones() (names []gatelodge.Name) {
	for _, v := range t.Snapshot.Views {
		for _, z := range v.Zones {
			if !z.Private && !slices.Contains(names, z.Name) {
				names = append(names, z.Name)
			}
		}
	}
	return names
}

// answer describes the answer of one view for the name.
func (t *timeline) answer(v *gatelodge.View) Step {
	s := Step{Kind: Answer, Title: "DNS, view " + v.Name, State: OK}
	records := t.take(nil, gatelodge.BadRecord)
	defer func() { s.tell(Warning, records) }()
	a, aaaa := t.DNS.Answer(v.Name, t.Name, "A"), t.DNS.Answer(v.Name, t.Name, "AAAA")
	for _, answer := range []gatelodge.Answer{a, aaaa} {
		for _, r := range answer.Records {
			if text := r.String(); !slices.ContainsFunc(s.Items, func(i Item) bool { return i.Text == text }) {
				s.add(Info, r.Type, text)
			}
		}
	}
	addresses := addressesIn(a, aaaa)
	host, _ := t.Proxy.Route(t.Snapshot, v.Name, t.Name, t.Path)
	switch {
	case a.Zone == "":
		s.State, s.Text = Info, "the view has no zone with the name"
	case a.Refers:
		s.State, s.Text = Info, "the name is in a zone that is delegated to other servers"
	case len(addresses) > 0 && slices.ContainsFunc(addresses, func(at netip.Addr) bool { return slices.Contains(v.Addresses, at) }):
		s.Text = fmt.Sprintf("%s leads to this gateway: %s", t.Name, join(addresses))
	case len(addresses) > 0:
		s.State, s.Text = Info, fmt.Sprintf("%s leads to %s rather than to this gateway", t.Name, join(addresses))
	case len(a.Records) > 0:
		s.State, s.Text = Info, fmt.Sprintf("%s is an alias, whose target other servers know: %s", t.Name, a.Records[len(a.Records)-1].Data)
	case host == nil && t.isElsewhere(v):
		s.State, s.Text = Info, fmt.Sprintf("%s is not in this view (%s)", t.Name, a.Code)
	case len(v.Addresses) == 0 && host != nil:
		s.worse(Broken, fmt.Sprintf("view %s has no address to publish, so %s has no record in it", v.Name, t.Name), advice[gatelodge.ViewUnannounced])
	case a.Code == "NXDOMAIN" && host == nil:
		s.worse(Broken, fmt.Sprintf("%s does not exist (NXDOMAIN)%s", t.Name, t.negative(a.Zone, v)), "")
	case a.Code == "NXDOMAIN":
		s.worse(Broken, fmt.Sprintf("%s does not exist (NXDOMAIN), though it is served", t.Name), "check whether an annotation prevents the record, or excludes the name from this view")
	default:
		s.State, s.Text = Info, fmt.Sprintf("%s exists, and has no address (%s without records)", t.Name, a.Code)
	}
	if l := t.asked(v.Name); l == nil {
		s.add(Info, "listener", "no DNS listener serves this view")
	}
	return s
}

// isElsewhere reports whether the name is in another view than this one, as a host or with
// records.
func (t *timeline) isElsewhere(but *gatelodge.View) bool {
	return t.host != nil || slices.ContainsFunc(t.Snapshot.Views, func(v *gatelodge.View) bool {
		answer := t.DNS.Answer(v.Name, t.Name, "A")
		return v.Name != but.Name && answer.Zone != "" && answer.Code != "NXDOMAIN"
	})
}

// negative formats how long resolvers remember that the name does not exist.
func (t *timeline) negative(zone gatelodge.Name, v *gatelodge.View) string {
	for _, z := range v.Zones {
		if z.Name == zone && z.NegativeTTL > 0 {
			return fmt.Sprintf(", and resolvers remember that for %s", z.NegativeTTL)
		}
	}
	return ""
}

// asked returns a DNS listener of a view, or nil.
func (t *timeline) asked(view string) *gatelodge.Listener {
	for i := range t.Snapshot.Listeners {
		if l := &t.Snapshot.Listeners[i]; slices.Contains(l.Views, view) {
			return l
		}
	}
	return nil
}

func addressesIn(answers ...gatelodge.Answer) (addresses []netip.Addr) {
	for _, a := range answers {
		for _, r := range a.Records {
			if r.Type != "A" && r.Type != "AAAA" {
				continue
			}
			if address, err := netip.ParseAddr(r.Data); err == nil {
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

func join(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return list(texts)
}

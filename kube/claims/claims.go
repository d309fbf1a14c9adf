package claims

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Claims is the one rule for who gets a name, whatever kind of object asks for
// it. What it grants holds for route, certificate and record alike.
type Claims struct {
	sharing    objects.HostSharing
	Limits     *NameLimits
	Reserved   map[gatelodge.Name]Reservation
	incumbents Incumbents
	claimed    *claimedNames
	rulings    *gatelodge.MapEdit[gatelodge.Name, *Ruling]
}

// ReservedNames are those that the configuration has a use for.
func ReservedNames(cfg *objects.Config) map[gatelodge.Name]Reservation {
	reserved := make(map[gatelodge.Name]Reservation)
	for _, zone := range cfg.Zones {
		for _, record := range zone.Records {
			reserved[record.Name] = Reservation{"has a record in the configuration", zone.Grants, true}
		}
		for _, ns := range zone.Nameservers {
			reserved[ns] = Reservation{"is a name server of zone " + string(zone.Name), nil, false}
		}
		reserved[zone.Name] = Reservation{"is the apex of a zone", zone.Grants, true}
	}
	return reserved
}

// Reservation is what the configuration has a use for a name for.
type Reservation struct {
	What   string   // completes "it …"
	grants []string // namespaces that may have the name as a host all the same …

	grantable bool // … which it can have
}

// decide says who gets a name, of those who claim it, the oldest first. What has
// a say over the name, by above, must be decided before.
func (c *Claims) decide(name gatelodge.Name, list []share) *Ruling {
	r := &Ruling{}
	permitted := c.Permitted(name, list, r)
	if len(permitted) == 0 {
		return r
	}
	above, had := c.above(name), c.incumbents.of(name)
	first, byAge := c.first(permitted, above, had), c.first(permitted, above, nil)
	if first == nil {
		for _, s := range permitted {
			r.refuse(s, gatelodge.HostTaken, "%s belongs to %s, granted to namespace %s by %s", s.asked(), above.of, above.Namespace(), above.winner(s))
		}
		if !above.always { // it would have its say if it came last, too
			r.contested = contest{above.Namespace(), byAge != nil}
		}
		return r
	}
	namespace := first.Namespace()
	if had != nil && had.Namespace == namespace {
		r.since = had.Since
	}
	r.guest = above != nil && above.blocks(*first, had) && c.lets(above, *first)
	r.guests = guestsOf(list, namespace)
	c.grant(name, permitted, namespace, r)
	if len(r.granted) < len(permitted) || above != nil && above.Namespace() != namespace ||
		slices.ContainsFunc(r.granted, func(s share) bool { return s.Namespace() != namespace }) {
		r.contested = contest{namespace, byAge == nil || byAge.Namespace() != namespace}
	}
	return r
}

// Permitted returns the claims to a name that may be granted, by the
// configuration and by the limits of namespaces.
func (c *Claims) Permitted(name gatelodge.Name, list []share, r *Ruling) []share {
	if why := c.isReserved(name); why != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(s share) bool {
			refused := !c.isExcepted(name, s)
			if refused {
				r.refuse(s, gatelodge.NameReserved, "%s is reserved: it %s%s", s.asked(), why, c.askForGrant(name, s))
			}
			return refused
		})
	}
	if len(c.Limits.byNamespace) == 0 {
		return list
	}
	permitted := make([]share, 0, len(list))
	for _, s := range list {
		if why := c.Limits.refuses(s.Namespace(), name); why != "" {
			if s.Claim.ShortOf != "" {
				why += "; list short names there too, or ask for none (short-names: \"false\")"
			}
			r.refuse(s, gatelodge.NameNotAllowed, "%s is not allowed: namespace %s %s", s.asked(), s.Namespace(), why)
		} else {
			permitted = append(permitted, s)
		}
	}
	return permitted
}

// first returns the claim whose namespace gets the name: that of the namespace
// that had it, or else the oldest that nothing above blocks; nil for none.
func (c *Claims) first(permitted []share, above *superior, had *objects.Holding) (first *share) {
	for i := range permitted {
		s := &permitted[i]
		if above != nil && above.blocks(*s, had) && !c.lets(above, *s) {
			continue
		}
		if had != nil && had.Namespace == s.Namespace() {
			return s
		}
		if first == nil {
			first = s
		}
	}
	return first
}

// grant shares the name among those who may use it: the namespace that has it,
// and whom it lets in.
func (c *Claims) grant(name gatelodge.Name, permitted []share, namespace string, r *Ruling) {
	others := func(s share) bool { return s.Namespace() != namespace }
	r.granted = permitted
	if slices.ContainsFunc(permitted, others) {
		r.granted = slices.DeleteFunc(slices.Clone(permitted), others)
	}
	r.owner = &r.granted[0].By.Applicant
	for _, s := range permitted {
		switch {
		case !others(s):
		case c.sharing == objects.ShareAny || slices.Contains(r.guests, s.Namespace()):
			r.granted = append(r.granted, s)
		default:
			r.refuse(s, gatelodge.HostTaken, "%s is granted to namespace %s by %s%s", s.asked(), namespace, r.winner(s), r.askOwner(s))
		}
	}
	r.routed = slices.ContainsFunc(r.granted, func(s share) bool { return s.Claim.Routed() })
}

// superior is what has a say over a name beside those who claim it: for
// _label.NAME the NAME, and else the wildcard that matches it.
type superior struct {
	*Ruling
	of     string   // what it is
	guests []string // namespaces that it lets in
	always bool     // it has its say however young it is
}

// above returns what has a say over a name; nil: nothing has.
func (c *Claims) above(name gatelodge.Name) *superior {
	base, underscored := BelowUnderscore(name)
	if name == "" || !underscored && name.IsWildcard() {
		return nil
	}
	if underscored && base != "" {
		if r := c.rulings.Get(base); r.Namespace() != "" {
			return &superior{Ruling: r, of: "host " + string(base), guests: c.guestsAt(name, r), always: true}
		}
	}
	wildcard := base.Wildcard()
	r := c.rulings.Get(wildcard)
	if wildcard == "" || r.Namespace() == "" {
		return nil
	}
	s := &superior{Ruling: r, of: "wildcard " + string(wildcard), guests: r.guests, always: underscored}
	if underscored {
		s.guests = c.guestsAt(name, r)
	}
	return s
}

// blocks reports whether a claim comes too late for what is above: a wildcard
// takes no name that was another's before, and none from an Ingress if it is a
// record alone.
func (above *superior) blocks(s share, had *objects.Holding) bool {
	switch own := above.Namespace(); {
	case own == s.Namespace():
		return false
	case above.always:
		return true
	case !above.routed && s.Claim.Routed():
		return false
	case had == nil:
		return above.owner.Compare(&s.By.Applicant) < 0
	case had.Namespace == s.Namespace():
		return had.Guest
	default:
		return had.Guest || had.Namespace == own || above.owner.Compare(&s.By.Applicant) < 0
	}
}

// lets reports whether a claim is let in by what is above.
func (c *Claims) lets(above *superior, s share) bool {
	return c.sharing == objects.ShareAny || slices.Contains(above.guests, s.Namespace())
}

// isReserved says what the name is needed for, and "" for one that may be had.
func (c *Claims) isReserved(name gatelodge.Name) string {
	if reservation, ok := c.Reserved[name]; ok {
		return reservation.What
	}
	base, underscored := BelowUnderscore(name)
	if !underscored {
		return ""
	}
	for label := range strings.SplitSeq(string(name), ".") {
		switch at := slices.Index(ProofLabels(), label); {
		case at == 0:
			return "proves control of a name to CAs, and may have only a CNAME, by a DNSEndpoint of the namespace that owns that name"
		case at > 0:
			return "is where CAs look for a lasting proof of control of a name and all names below it, and only the configuration may publish one (dns.zones[].records)"
		case label == "_owner":
			return "has the record with the owner of a name"
		}
	}
	if reservation, ok := c.Reserved[base]; ok {
		return fmt.Sprintf("belongs to %s, which %s", base, reservation.What)
	}
	return ""
}

// isExcepted reports whether a claim to a reserved name is granted all the same:
// by the configuration, or because the owner of a name leads to where the control
// of it is proved.
func (c *Claims) isExcepted(name gatelodge.Name, s share) bool {
	if reservation, ok := c.Reserved[name]; ok {
		return slices.Contains(reservation.grants, s.Namespace())
	}
	base, ok := strings.CutPrefix(string(name), ProofLabels()[0]+".")
	if !ok || s.Claim.Records == nil {
		return false
	}
	for _, set := range s.Claim.Records.List {
		if set.Rtype != "CNAME" {
			return false
		}
	}
	return c.hasSay(gatelodge.Name(base)) == s.Namespace()
}

// askForGrant says who can let the claim have a reserved name, "" if no one can.
func (c *Claims) askForGrant(name gatelodge.Name, s share) string {
	if reservation, ok := c.Reserved[name]; !ok || !reservation.grantable || s.Claim.Records != nil {
		return ""
	}
	return "; the gateway's operator can grant it, by dns.zones[].grants with namespace " + s.Namespace()
}

// BelowUnderscore cuts a name after its last label that starts with an
// underscore. Such labels, as in _sip._tcp.NAME or key._domainkey.NAME, say
// something of NAME (RFC 8552), which base is.
func BelowUnderscore(name gatelodge.Name) (base gatelodge.Name, underscored bool) {
	if !strings.Contains(string(name), "_") {
		return name, false
	}
	rest, base := name, name
	for rest != "" {
		label := rest
		rest = rest.Parent()
		if strings.HasPrefix(string(label), "_") {
			base, underscored = rest, true
		}
	}
	return base, underscored
}

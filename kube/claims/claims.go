package claims

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Claims is the rule about names, for every kind of object. What it grants applies to
// route, certificate and record alike.
type Claims struct {
	sharing    objects.HostSharing
	Limits     *NameLimits
	Reserved   map[gatelodge.Name]Reservation
	incumbents Incumbents
	claimed    *claimedNames
	rulings    *gatelodge.MapEdit[gatelodge.Name, *Ruling]
}

// ReservedNames are the names that the configuration uses.
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

// Reservation is what the configuration uses a name for.
type Reservation struct {
	What   string   // completes "it …"
	grants []string // namespaces that may have the name as a host nevertheless …

	grantable bool // … which it can have
}

// decide returns the ruling about a name, from its claims, the oldest first. The name
// above it, if any, must be decided before.
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
		if !above.always { // it has priority even if it came last
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

// Permitted returns the claims to a name that the configuration and the limits of
// namespaces permit.
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

// first returns the claim whose namespace gets the name: the previous owner's, or else
// the oldest that the name above does not block; nil for none.
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

// grant grants the name to its owner and to the namespaces that the owner shares it
// with.
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

// superior is another name whose owner decides about this name: for _label.NAME it is
// NAME, otherwise the wildcard that matches it.
type superior struct {
	*Ruling
	of     string   // description
	guests []string // namespaces that its owner shares it with
	always bool     // it has priority even if it is younger
}

// above returns the superior of a name, or nil.
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

// blocks reports whether the superior prevents a claim. A wildcard takes no name that
// another namespace had before, and none from an Ingress if it has only a record.
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

// lets reports whether the superior's owner shares the name with the claim's namespace.
func (c *Claims) lets(above *superior, s share) bool {
	return c.sharing == objects.ShareAny || slices.Contains(above.guests, s.Namespace())
}

// isReserved returns what a reserved name is needed for, and "" for any other.
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

// isExcepted reports whether a claim to a reserved name is granted nevertheless: by the
// configuration, or because the owner of a name delegates its challenges.
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

// askForGrant returns how the claim can get a reserved name, "" if it can't.
func (c *Claims) askForGrant(name gatelodge.Name, s share) string {
	if reservation, ok := c.Reserved[name]; !ok || !reservation.grantable || s.Claim.Records != nil {
		return ""
	}
	return "; the gateway's operator can grant it, by dns.zones[].grants with namespace " + s.Namespace()
}

// BelowUnderscore returns the part of a name after its last label that starts with an
// underscore. Such labels, as in _sip._tcp.NAME or key._domainkey.NAME, describe NAME
// (RFC 8552), which is base.
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

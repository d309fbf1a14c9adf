package compile

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// claims is the one rule for who gets a name, whatever kind of object asks for
// it. What it grants holds for route, certificate and record alike.
type claims struct {
	sharing  objects.HostSharing
	limits   *nameLimits
	reserved map[gatelodge.Name]string // what each is
	guests   map[hospitality][]string
	owners   map[gatelodge.Name]*intent.Applicant
	above    map[gatelodge.Name]*intent.Applicant // of the wildcard over the names that have this parent
}

func newClaims(cfg *objects.Config, limits *nameLimits, size int) *claims {
	return &claims{
		sharing:  cfg.HostSharing,
		limits:   limits,
		reserved: reservedNames(cfg),
		guests:   make(map[hospitality][]string),
		owners:   make(map[gatelodge.Name]*intent.Applicant, size),
		above:    make(map[gatelodge.Name]*intent.Applicant),
	}
}

// reservedNames are those that the configuration has a use for.
func reservedNames(cfg *objects.Config) map[gatelodge.Name]string {
	reserved := make(map[gatelodge.Name]string)
	for _, zone := range cfg.Zones {
		for _, record := range zone.Records {
			reserved[record.Name] = "has a record in the configuration"
		}
		for _, ns := range zone.Nameservers {
			reserved[ns] = fmt.Sprintf("is a name server of zone %s", zone.Name)
		}
		reserved[zone.Name] = "is the apex of a zone"
	}
	return reserved
}

// grant gives the name to the applicant, or says why not. Applicants must come
// the oldest first.
func (c *claims) grant(name gatelodge.Name, a *intent.Applicant) (refusal *gatelodge.Problem) {
	if why := c.isReserved(name); why != "" {
		return intent.Refuse(a, gatelodge.NameReserved, "host %s can't be had: it %s", name, why)
	}
	if why := c.limits.refuses(a.Object.Namespace, name); why != "" {
		return intent.Refuse(a, gatelodge.NameNotAllowed, "%s can't be had: namespace %s %s", intent.HostName(name), a.Object.Namespace, why)
	}
	owner := c.owners[name]
	if owner == nil {
		if above, of, at := c.ownerAbove(name); above != nil && !c.shared(at, above, a) {
			return intent.Refuse(a, gatelodge.HostTaken, "host %s belongs to %s, granted to namespace %s by the older %s", name, of, above.Object.Namespace, above.Object)
		}
		c.owners[name] = a
		if parent := name.Parent(); name.IsWildcard() && parent != "" { // a wildcard of one label matches nothing
			c.above[parent] = a
		}
		return nil
	}
	if !c.shared(name, owner, a) {
		return intent.Refuse(a, gatelodge.HostTaken, "%s is granted to namespace %s by the older %s", intent.HostName(name), owner.Object.Namespace, owner.Object)
	}
	return nil
}

// ownerAbove finds who has a say over a name that nobody asked for yet: the
// owner of NAME over what stands below a _label of it, else the owner of the wildcard that
// matches it. at is the name whose guests may have it: those of a wildcard are
// let in to the names that it matches, but not to anybody's _label.NAME.
func (c *claims) ownerAbove(name gatelodge.Name) (owner *intent.Applicant, of string, at gatelodge.Name) {
	if name == "" {
		return nil, "", ""
	}
	base, underscored := belowUnderscore(name)
	if underscored {
		if owner := c.owners[base]; owner != nil && base != "" {
			return owner, "host " + string(base), name
		}
	} else if name.IsWildcard() {
		return nil, "", ""
	}
	if owner = c.above[base.Parent()]; owner == nil {
		return nil, "", ""
	}
	wildcard := base.Wildcard()
	if at = wildcard; base != name {
		at = name
	}
	return owner, "wildcard " + string(wildcard), at
}

// shared tells whether a may use the name that owner has.
func (c *claims) shared(name gatelodge.Name, owner, a *intent.Applicant) bool {
	return c.sharing == objects.ShareAny || owner.Object.Namespace == a.Object.Namespace ||
		slices.Contains(c.guests[hospitality{name, owner.Object.Namespace}], a.Object.Namespace)
}

// isReserved says what the name is needed for, and "" for one that may be had.
func (c *claims) isReserved(name gatelodge.Name) string {
	if why, ok := c.reserved[name]; ok {
		return why
	}
	base, underscored := belowUnderscore(name)
	if !underscored {
		return ""
	}
	for label := range strings.SplitSeq(string(name), ".") {
		switch label {
		case "_acme-challenge":
			return "is for the proof of control of a name"
		case "_owner":
			return "is for the record of who has a name"
		}
	}
	if why, ok := c.reserved[base]; ok {
		return fmt.Sprintf("belongs to %s, which %s", base, why)
	}
	return ""
}

// belowUnderscore cuts a name after its last label that starts with an
// underscore. Such labels, as in _sip._tcp.NAME or key._domainkey.NAME, say
// something of NAME (RFC 8552), which base is.
func belowUnderscore(name gatelodge.Name) (base gatelodge.Name, underscored bool) {
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

package intent

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/syntax"
)

// Applicant is an object that asks for names.
type Applicant struct {
	Object gatelodge.Object
	Since  time.Time // its creation
	// Contact is the e-mail address of who answers for the names; "" for none.
	Contact string
	Views   []string // that it is in, in the configuration's order; nil: all
}

// IsIn reports whether what the object asks for is in the view.
func (a *Applicant) IsIn(view string) bool {
	return a.Views == nil || slices.Contains(a.Views, view)
}

// Compare orders applicants by age; namespace, name and kind decide between two
// that were created within the same second. The age of those in files that have no
// creationTimestamp is that of their places, and Since counts the objects of a
// document.
func (a *Applicant) Compare(b *Applicant) int {
	if a.Since.Unix() == 0 && b.Since.Unix() == 0 {
		if order := cmp.Or(strings.Compare(a.Object.File, b.Object.File), cmp.Compare(a.Object.Line, b.Object.Line)); order != 0 {
			return order
		}
	}
	return cmp.Or(
		a.Since.Compare(b.Since),
		strings.Compare(a.Object.Namespace, b.Object.Namespace),
		strings.Compare(a.Object.Name, b.Object.Name),
		strings.Compare(a.Object.Kind, b.Object.Kind),
		strings.Compare(a.Object.UID, b.Object.UID),
	)
}

// Refuse returns the Problem of an applicant that does not get what it asks for.
func Refuse(a *Applicant, reason gatelodge.Reason, format string, args ...any) *gatelodge.Problem {
	return &gatelodge.Problem{Object: a.Object, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Claimant is what one object asks for, whatever its kind, read from that object
// alone. It is never written once it was read.
type Claimant struct {
	Applicant
	// Part tells what is withheld of an object from the object itself, which is 0.
	Part int

	Source   *networkingv1.Ingress // nil: it is of another kind
	defaults *annotations.Defaults // of its class; nil: none
	Claims   []Claim               // one for each name, in the order in which they were written
	// Alternatives is what a canary asks for, which has no Claims: it claims no name.
	Alternatives []Alternative
	Mirror       *BackendRef // that gets copies of the requests; nil: none does
	TLS          []TLSEntry
	Asked        annotations.Asked // by annotations
	tenant       annotations.Tenant
	ShortNames   annotations.ShortNames // by Asked and tenant
	// Patterns: its paths are regular expressions, which makes those of its hosts
	// such, whichever object asks for them.
	Patterns bool
	problems []gatelodge.Problem

	also        map[gatelodge.Name]gatelodge.Name // for further names, the hosts with which entries of TLS cover them
	places      map[gatelodge.Name]int            // in Claims, of the first ones; while it is read
	patternSize int                               // of its paths, while they are read
}

// Claim is what an object asks for at one name: routes and a record, or with
// Target or Records a record alone.
type Claim struct {
	Name     gatelodge.Name
	Paths    []PathAsk
	Fallback *BackendRef // for every path without a rule; nil: none asked for

	ShortOf gatelodge.Name // the long name, of a short one; "": it is none

	Unrouted    bool // an Ingress asks for a record alone
	Unpublished bool // a record is not asked for

	Target  *externaldns.Target // where the name leads, as a Service says; nil: to the gateway
	TTL     time.Duration       // 0: that of the zone
	Records *RecordSets         // as a DNSEndpoint says
}

// Routed reports whether the claim asks to be routed, and so for a certificate
// as well.
func (c *Claim) Routed() bool { return !c.Unrouted && c.Target == nil && c.Records == nil }

// Key names a claimant among all others.
type Key struct {
	Kind, Namespace, Name string
	Part                  int
}

// Compare orders keys as those of a Map: by namespace first.
func (k Key) Compare(other Key) int {
	switch {
	case k.Namespace != other.Namespace:
		return strings.Compare(k.Namespace, other.Namespace)
	case k.Name != other.Name:
		return strings.Compare(k.Name, other.Name)
	case k.Kind != other.Kind:
		return strings.Compare(k.Kind, other.Kind)
	}
	return cmp.Compare(k.Part, other.Part)
}

// Key returns the claimant's key.
func (c *Claimant) Key() Key {
	return Key{Kind: c.Object.Kind, Namespace: c.Object.Namespace, Name: c.Object.Name, Part: c.Part}
}

// Names goes through the names that the object asks for.
func (c *Claimant) Names() iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		for i := range c.Claims {
			if !yield(c.Claims[i].Name) {
				return
			}
		}
	}
}

// HostOf returns the host of a rule that a further name, such as an alias, stands
// for, and the name itself for any other.
func (c *Claimant) HostOf(name gatelodge.Name) gatelodge.Name {
	for {
		host, further := c.also[name]
		if !further {
			return name
		}
		name = host
	}
}

// Only returns a part of the claimant, which asks for these names alone.
func (c *Claimant) Only(names map[gatelodge.Name]bool, part int) *Claimant {
	only := *c
	only.Part = part
	only.Claims = slices.DeleteFunc(slices.Clone(c.Claims), func(ask Claim) bool { return !names[ask.Name] })
	return &only
}

// Bounds of what one object is read for, so that none takes long to read,
// whatever stands in it.
const (
	maxTLS      = 1000 // entries of spec.tls, and hosts in them
	maxProblems = 100
)

// claim returns what the object asks for at a name; nil if it asks for too many
// names already.
func (c *Claimant) claim(name gatelodge.Name) *Claim {
	if i := c.place(name); i >= 0 {
		return &c.Claims[i]
	}
	if len(c.Claims) == syntax.MaxNames {
		c.problem(gatelodge.TooMuch, "it asks for more than %d names, and %s is left out", syntax.MaxNames, HostName(name))
		return nil
	}
	c.Claims = append(c.Claims, Claim{Name: name})
	return &c.Claims[len(c.Claims)-1]
}

// claims reports whether the object asks for a name.
func (c *Claimant) claims(name gatelodge.Name) bool { return c.place(name) >= 0 }

// place returns the index of the claim to a name, -1 if there is none.
func (c *Claimant) place(name gatelodge.Name) int {
	const few = 20 // for which a map is not worth its memory
	if len(c.Claims) <= few {
		return slices.IndexFunc(c.Claims, func(claim Claim) bool { return claim.Name == name })
	}
	if c.places == nil {
		c.places = make(map[gatelodge.Name]int)
	}
	for i := len(c.places); i < len(c.Claims); i++ {
		c.places[c.Claims[i].Name] = i
	}
	if i, ok := c.places[name]; ok {
		return i
	}
	return -1
}

func (c *Claimant) problem(reason gatelodge.Reason, format string, args ...any) {
	switch n := len(c.problems); {
	case n < maxProblems:
		c.problems = append(c.problems, gatelodge.Problem{Object: c.Object, Reason: reason, Message: fmt.Sprintf(format, args...)})
	case n == maxProblems:
		c.problems = append(c.problems, gatelodge.Problem{Object: c.Object, Reason: gatelodge.TooMuch, Message: fmt.Sprintf("it has more than %d problems", maxProblems)})
	}
}

// HostName names a host in a message.
func HostName(name gatelodge.Name) string {
	if name == "" {
		return "the host of every other name"
	}
	return "host " + string(name)
}

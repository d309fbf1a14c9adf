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
	// Contact is the email address to write to about the names; "" for none.
	Contact string
	Views   []string // views of the object, in the configuration's order; nil: all
}

// IsIn reports whether the object is in the view.
func (a *Applicant) IsIn(view string) bool {
	return a.Views == nil || slices.Contains(a.Views, view)
}

// Compare orders applicants by age; namespace, name and kind decide if two were created
// within the same second. The age of objects in files without a creationTimestamp is
// that of their places, and Since counts the objects of a document.
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

// Refuse returns the Problem of an applicant whose claim is refused.
func Refuse(a *Applicant, reason gatelodge.Reason, format string, args ...any) *gatelodge.Problem {
	return &gatelodge.Problem{Object: a.Object, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// Claimant contains the claims of one object of any kind, read from that object alone.
// It is immutable once it is read.
type Claimant struct {
	Applicant
	// Part distinguishes the withheld parts of an object from the object itself, which
	// is 0.
	Part int

	Source   *networkingv1.Ingress // nil: it is of another kind
	defaults *annotations.Defaults // of its class; nil: none
	Claims   []Claim               // one for each name, in the order in which they were written
	// Alternatives are the paths of a canary, which has no Claims, because it claims no
	// name.
	Alternatives []Alternative
	Mirror       *BackendRef // the backend for copies of the requests; nil: none
	TLS          []TLSEntry
	Asked        annotations.Asked // by annotations
	tenant       annotations.Tenant
	ShortNames   annotations.ShortNames // by Asked and tenant
	// Patterns means that its paths are regular expressions, and therefore all paths of
	// its hosts, of any object.
	Patterns bool
	problems []gatelodge.Problem

	also        map[gatelodge.Name]gatelodge.Name // for further names, the hosts with which entries of TLS cover them
	places      map[gatelodge.Name]int            // in Claims, of the first ones; while it is read
	patternSize int                               // of its paths, while they are read
}

// Claim is a claim to one name: for routes and a record, or with Target or Records only
// for a record.
type Claim struct {
	Name     gatelodge.Name
	Paths    []PathAsk
	Fallback *BackendRef // for every path without a rule; nil: none

	ShortOf gatelodge.Name // the long name, of a short one; "": it is none

	Unrouted    bool // an Ingress asks only for a record
	Unpublished bool // a record is not asked for

	Target  *externaldns.Target // where a Service leads the name; nil: to the gateway
	TTL     time.Duration       // 0: that of the zone
	Records *RecordSets         // of a DNSEndpoint
}

// Routed reports whether the claim is for routes, and so for a certificate as well.
func (c *Claim) Routed() bool { return !c.Unrouted && c.Target == nil && c.Records == nil }

// Key identifies a claimant.
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

// Names yields the names that the object claims.
func (c *Claimant) Names() iter.Seq[gatelodge.Name] {
	return func(yield func(gatelodge.Name) bool) {
		for i := range c.Claims {
			if !yield(c.Claims[i].Name) {
				return
			}
		}
	}
}

// HostOf returns the host of the rule that a further name, such as an alias, belongs
// to, and the name itself for any other.
func (c *Claimant) HostOf(name gatelodge.Name) gatelodge.Name {
	for {
		host, further := c.also[name]
		if !further {
			return name
		}
		name = host
	}
}

// Only returns a part of the claimant, with the claims to these names.
func (c *Claimant) Only(names map[gatelodge.Name]bool, part int) *Claimant {
	only := *c
	only.Part = part
	only.Claims = slices.DeleteFunc(slices.Clone(c.Claims), func(ask Claim) bool { return !names[ask.Name] })
	return &only
}

// Limits of what is read of one object, so that reading it never takes long.
const (
	maxTLS      = 1000 // entries of spec.tls, and hosts in them
	maxProblems = 100
)

// claim returns the claim to a name; nil if the object claims too many names already.
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

// claims reports whether the object claims a name.
func (c *Claimant) claims(name gatelodge.Name) bool { return c.place(name) >= 0 }

// place returns the index of the claim to a name, -1 if there is none.
func (c *Claimant) place(name gatelodge.Name) int {
	const few = 20 // few enough to search without a map
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

// HostName formats a host for a message.
func HostName(name gatelodge.Name) string {
	if name == "" {
		return "the host of every other name"
	}
	return "host " + string(name)
}

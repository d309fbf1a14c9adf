package versions

import (
	"cmp"
	"slices"
	"time"

	gatelodge "gatelodge.dev"
)

// Key names a zone in a view.
type Key struct {
	Zone gatelodge.Name
	View string
}

// Version is the content of a zone in a view with its serial. It is immutable.
type Version struct {
	Serial uint32
	Zone   *gatelodge.Zone

	// Proven means that Zone is what every replica has with this serial. Otherwise only
	// its SOA fields are known, and Zone has no nodes.
	Proven bool

	digest *digest // of Zone; nil: not computed yet, or without a store
	hash   string  // as in the record; "": as for digest

	// Steps lead to this version, the oldest first, each to where the next begins.
	Steps []*Step
}

// Step leads from one version to the next. Before and After are zones without
// their nodes; Before is nil in a step from nothing.
type Step struct {
	From, To      uint32
	Before, After *gatelodge.Zone
	Nodes         []NodeChange // in the order of names

	text []byte // the step as it is stored
}

// NodeChange is a name whose records changed; nil means that the name does not exist.
type NodeChange struct {
	Name          gatelodge.Name
	Before, After *gatelodge.Node
}

// Since returns the steps that lead to v from the version of this serial. ok is false
// if they are unknown.
func (v *Version) Since(serial uint32) (steps []*Step, ok bool) {
	if serial == v.Serial {
		return nil, true
	}
	i := slices.IndexFunc(v.Steps, func(s *Step) bool { return s.From == serial })
	if i < 0 {
		return nil, false
	}
	return v.Steps[i:], true
}

// nextSerial returns the serial after last: the Unix time, or last plus one if the time
// is not greater (RFC 1982). known is false if there was none.
func nextSerial(last uint32, known bool, now time.Time) uint32 {
	serial := uint32(now.Unix())
	if known && !Less(last, serial) {
		return last + 1
	}
	return serial
}

// Less compares serials (RFC 1982 §3.2). Of two that are exactly half the range
// apart, neither is less.
func Less(a, b uint32) bool {
	d := b - a
	return d != 0 && d < 1<<31
}

// stepBetween returns the step from before, which is nil for nothing, to after, or nil
// if they are equal.
func stepBetween(before, after *gatelodge.Zone) *Step {
	s := &Step{After: header(after)}
	var nodes gatelodge.Map[gatelodge.Name, *gatelodge.Node]
	if before != nil {
		s.Before, nodes = header(before), before.Nodes
	}
	for name, change := range after.Nodes.Changes(nodes) {
		if !sameNode(change.Before, change.After) {
			s.Nodes = append(s.Nodes, NodeChange{name, canonical(change.Before), canonical(change.After)})
		}
	}
	if before != nil && len(s.Nodes) == 0 && sameHeader(s.Before, s.After) {
		return nil
	}
	return s
}

// apply returns the zone after the step from z, which is nil for nothing.
func (s *Step) apply(z *gatelodge.Zone) *gatelodge.Zone {
	next := *s.After
	if z != nil {
		next.Nodes = z.Nodes
	}
	edit := next.Nodes.Edit()
	for _, change := range s.Nodes {
		edit.Set(change.Name, change.After)
	}
	next.Nodes = edit.Map()
	return &next
}

// header returns z without its nodes.
func header(z *gatelodge.Zone) *gatelodge.Zone {
	return &gatelodge.Zone{Name: z.Name, Primary: z.Primary, Hostmaster: z.Hostmaster, TTL: z.TTL, NegativeTTL: z.NegativeTTL}
}

func sameHeader(a, b *gatelodge.Zone) bool {
	return a.Primary == b.Primary && a.Hostmaster == b.Hostmaster && a.TTL == b.TTL && a.NegativeTTL == b.NegativeTTL
}

// canonical returns n with its records in a fixed order.
func canonical(n *gatelodge.Node) *gatelodge.Node {
	if n == nil || slices.IsSortedFunc(n.Records, compareRecords) {
		return n
	}
	return &gatelodge.Node{Name: n.Name, Records: slices.SortedFunc(slices.Values(n.Records), compareRecords)}
}

func compareRecords(a, b gatelodge.Record) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Data, b.Data), cmp.Compare(a.TTL, b.TTL))
}

func sameNode(a, b *gatelodge.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(canonical(a).Records, canonical(b).Records)
}

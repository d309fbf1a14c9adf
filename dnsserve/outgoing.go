package dnsserve

import (
	"bytes"
	"encoding/binary"
	"iter"
	"log/slog"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// transferMessage is the size up to which a transfer's messages are filled.
const transferMessage = 32 << 10

// outgoing is a transfer in progress.
type outgoing struct {
	query   *query
	live    *zone // as it is served, whose compiled records are used where they are those of the version
	version *versions.Version
	steps   []*versions.Step // from the client's version; none: the whole zone
	end     func(error)      // called at the end, with the error if not everything was sent
}

// messages yields the messages of the transfer, each with the question and signed
// as the query is. They are valid until the next one.
func (x *outgoing) messages() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		q := x.query
		buf := make([]byte, 0, transferMessage+512)
		var b []byte
		count := 0
		begin := func() {
			b = binary.BigEndian.AppendUint16(buf[:0], q.id)
			b = binary.BigEndian.AppendUint16(b, flagQR|flagAA|q.flags&flagRD)
			b = append(b, 0, 1, 0, 0, 0, 0, 0, 0)
			b = append(b, q.question...)
			count = 0
		}
		finish := func() bool {
			binary.BigEndian.PutUint16(b[6:], uint16(count))
			if q.tsig.key != nil {
				b = q.tsig.append(b, q.id)
			}
			buf = b
			return yield(b)
		}
		begin()
		for owner, wire := range x.records() {
			before := len(b)
			b = append(appendOwner(b, q.name, owner), wire[2:]...)
			if limit := transferMessage - q.tsig.size(); len(b) > limit && count > 0 {
				record := bytes.Clone(b[before:]) // its compression is that of any message: to the question
				b = b[:before]
				if !finish() {
					return
				}
				begin()
				b = append(b, record...)
			}
			count++
		}
		finish()
	}
}

// records yields the records of the transfer in the form of rrset.wire, with their
// owners: of a whole zone between two copies of the SOA record (RFC 5936 §2.2), of
// changes as one difference (RFC 1995 §4 and §5).
func (x *outgoing) records() iter.Seq2[name, []byte] {
	return func(yield func(name, []byte) bool) {
		apex := x.live.name
		soaOf := func(z *gatelodge.Zone, serial uint32) []byte {
			record, err := newSOA(z, serial)
			if err != nil {
				return nil // all were made before
			}
			return record.set.wire
		}
		now := soaOf(x.version.Zone, x.version.Serial)
		if !yield(apex, now) {
			return
		}
		if x.steps == nil {
			for n, node := range x.version.Zone.Nodes.All() {
				owner := wireName(n)
				for wire := range x.recordsOf(owner, node) {
					if !yield(owner, wire) {
						return
					}
				}
			}
			yield(apex, now)
			return
		}
		changes := x.difference()
		then := soaOf(x.steps[0].Before, x.steps[0].From)
		for _, part := range []struct {
			soa  []byte
			side func(c *versions.NodeChange) (only, not *gatelodge.Node)
		}{
			{then, func(c *versions.NodeChange) (only, not *gatelodge.Node) { return c.Before, c.After }},
			{now, func(c *versions.NodeChange) (only, not *gatelodge.Node) { return c.After, c.Before }},
		} {
			if !yield(apex, part.soa) {
				return
			}
			for i := range changes {
				only, not := part.side(&changes[i])
				owner := wireName(changes[i].Name)
				others := slices.Collect(x.recordsOf(owner, not))
				for wire := range x.recordsOf(owner, only) {
					if !slices.ContainsFunc(others, func(o []byte) bool { return bytes.Equal(o, wire) }) && !yield(owner, wire) {
						return
					}
				}
			}
		}
		yield(apex, now)
	}
}

// difference combines the steps, so that each name changes once.
func (x *outgoing) difference() []versions.NodeChange {
	at := make(map[gatelodge.Name]int)
	var all []versions.NodeChange
	for _, s := range x.steps {
		for _, c := range s.Nodes {
			if i, ok := at[c.Name]; ok {
				all[i].After = c.After
				continue
			}
			at[c.Name] = len(all)
			all = append(all, c)
		}
	}
	return all
}

// recordsOf yields the records of a node, as queries are answered with them.
func (x *outgoing) recordsOf(owner name, n *gatelodge.Node) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if n == nil || !owner.within(x.live.name) {
			return
		}
		for _, set := range x.setsOf(owner, n) {
			for wire := set.wire; len(wire) > 0; {
				size := recordSize(wire)
				if !yield(wire[:size]) {
					return
				}
				wire = wire[size:]
			}
		}
	}
}

func (x *outgoing) setsOf(owner name, n *gatelodge.Node) []*rrset {
	if x.live.source.Nodes.Get(n.Name) == n {
		if at := x.live.find(owner); at != nil {
			return at.sets
		}
	}
	c := compiler{log: slog.New(slog.DiscardHandler)} // records that are left out were logged when the zone was built
	return slices.DeleteFunc(c.compileSets(n), isSOA)
}

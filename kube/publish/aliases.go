package publish

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// MaxChain is how many aliases the DNS server follows for one answer; resolvers follow
// fewer.
const MaxChain = 16

// aliases contains the CNAME records of a view that lead to a name in its zones. Others
// can't be checked.
type aliases struct {
	to   gatelodge.Map[gatelodge.Name, gatelodge.Name]
	from follow.Index[gatelodge.Name, gatelodge.Name] // by where they lead, past DNAME records
	lost gatelodge.Map[gatelodge.Name, *follow.Told]  // those that never end
}

// aliasFollower brings aliases up to date.
type aliasFollower struct {
	*viewMaker
	aliases
	suspects []gatelodge.Name // whose chain may have changed
	seen     map[gatelodge.Name]bool
}

// followAliases finds the aliases that never end, and removes their records. Their
// names continue to exist, so that the result for other aliases does not depend on the
// order of the checks.
func (m *viewMaker) followAliases(last aliases) aliases {
	f := &aliasFollower{viewMaker: m, aliases: last, seen: make(map[gatelodge.Name]bool)}
	f.update(last)
	for i := 0; i < len(f.suspects); i++ {
		f.suspectThoseTo(f.suspects[i], false)
	}
	lost := f.lost.Edit()
	for _, name := range f.suspects {
		now := f.judge(name)
		if before := lost.Get(name); before == nil || now == nil || !slices.Equal(before.Problems, now.Problems) {
			lost.Set(name, now)
		}
	}
	f.lost = lost.Map()
	for name := range f.lost.Changes(last.lost) {
		if b := m.zoneOf(name); b != nil {
			b.again(name)
		}
	}
	for _, b := range m.zones {
		for name, r := range b.results {
			if f.lost.Get(name) != nil {
				r.records = nil
				r.exists = b.presence.Get(name).stands
			}
		}
	}
	return f.aliases
}

// update processes the names that changed.
func (f *aliasFollower) update(last aliases) {
	to, from := f.to.Edit(), f.from.Edit()
	for _, b := range f.zones {
		for name, r := range b.results {
			before, after := last.to.Get(name), f.innerAlias(r)
			if before == after {
				continue
			}
			to.Set(name, after)
			if before != "" {
				from.Set(follow.PairOf(f.landing(before), name), false)
			}
			if after != "" {
				from.Set(follow.PairOf(f.landing(after), name), true)
			}
		}
	}
	f.to, f.from = to.Map(), from.Map()
	for _, b := range f.zones {
		for name := range b.results {
			changed := f.to.Get(name) != last.to.Get(name)
			if changed || f.to.Get(name) != "" {
				f.suspect(name)
			}
			if changed || b.appear[name] {
				f.suspectThoseTo(name, b.appear[name])
			}
		}
	}
}

// innerAlias returns the name in the gateway's zones that the records are an alias of,
// "" for none.
func (m *viewMaker) innerAlias(r *result) gatelodge.Name {
	for _, record := range r.records {
		if record.Type == "CNAME" {
			if to := gatelodge.Name(strings.TrimSuffix(record.Data, ".")); m.zoneOf(to) != nil {
				return to
			}
		}
	}
	return ""
}

// landing returns where a name leads by DNAME records alone.
func (m *viewMaker) landing(name gatelodge.Name) gatelodge.Name {
	for range MaxChain {
		b := m.zoneOf(name)
		if b == nil {
			break
		}
		cut, is := b.plan.cutAbove(name)
		to, ok := cut.substitute(name)
		if !is || !ok {
			break
		}
		name = to
	}
	return name
}

func (f *aliasFollower) suspect(name gatelodge.Name) {
	if !f.seen[name] {
		f.seen[name] = true
		f.suspects = append(f.suspects, name)
	}
}

// suspectThoseTo marks the aliases of a name for a check, and if it appears or
// disappears, or is a wildcard, those of the names that are affected.
func (f *aliasFollower) suspectThoseTo(name gatelodge.Name, appears bool) {
	if name.IsWildcard() {
		name, appears = name.Parent(), true
	}
	for h := range f.from.From(follow.Pair[gatelodge.Name, gatelodge.Name]{A: name}) {
		if h.A != name && !(appears && h.A.Within(name)) {
			break
		}
		f.suspect(h.B)
	}
}

// judge follows an alias, and returns a problem if it never ends.
func (f *aliasFollower) judge(name gatelodge.Name) *follow.Told {
	to := f.to.Get(name)
	if to == "" {
		return nil
	}
	way := []gatelodge.Name{name}
	for at := to; len(way) <= MaxChain; {
		circle := slices.Contains(way, at)
		way = append(way, at)
		if circle {
			return f.problem(name, way, "it leads in a circle")
		}
		next, ok := f.next(at)
		if !ok {
			return nil
		}
		at = next
	}
	return f.problem(name, way, fmt.Sprintf("it leads through more than %d aliases", MaxChain))
}

// next returns the target of a name as the DNS server finds it (RFC 1034 §4.3.2): by a
// DNAME above it, by its own CNAME, or by that of a wildcard.
func (f *aliasFollower) next(name gatelodge.Name) (to gatelodge.Name, ok bool) {
	b := f.zoneOf(name)
	if b == nil {
		return "", false
	}
	if cut, is := b.plan.cutAbove(name); is {
		return cut.substitute(name)
	}
	at := name
	if !b.exists(name) {
		for at = name.Parent(); !b.exists(at); {
			at = at.Parent()
		}
		at = "*." + at
	}
	to = f.to.Get(at)
	return to, to != ""
}

func (f *aliasFollower) problem(name gatelodge.Name, way []gatelodge.Name, what string) *follow.Told {
	text := make([]string, len(way))
	for i, name := range way {
		text[i] = string(name)
	}
	return (*follow.Told)(nil).Add(gatelodge.Problem{
		Object: f.author(name), Reason: gatelodge.BadRecord,
		Message: fmt.Sprintf("%s CNAME %s is left out: %s (%s)", name, way[1], what, strings.Join(text, " → ")),
	})
}

// author returns the object that makes a name an alias.
func (f *aliasFollower) author(name gatelodge.Name) gatelodge.Object {
	if len(f.zoneOf(name).plan.records[name]) > 0 {
		return objects.ConfigObject("dns.zones")
	}
	granted := f.grants.Names.Get(name).In(f.view)
	if granted == nil || granted.Leads == claims.LeadsNowhere {
		granted = f.grants.Names.Get(name.Wildcard()).In(f.view)
	}
	return granted.TargetAuthor().Object
}

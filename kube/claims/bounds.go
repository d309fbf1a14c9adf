package claims

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Bounded contains the claimants without everything beyond the bounds of one object or
// one namespace, so that none can exhaust the gateway.
type Bounded struct {
	all    Claimants
	bounds objects.Bounds

	trimmed gatelodge.Map[intent.Key, *trimmed]
	sums    gatelodge.Map[namespace, *spending]
	Kept    Claimants
	Wrong   gatelodge.Map[intent.Key, *follow.Told]
}

// trimmed is a claimant without the names and routes beyond its bounds, and the
// estimated memory of the rest.
type trimmed struct {
	*intent.Claimant
	Bytes int64
	wrong *follow.Told // what is left out; nil: nothing
}

// spending is the memory that the claimants of a namespace take together.
type spending struct{ bytes int64 }

// namespace is a key of a Map.
type namespace string

// Compare orders namespaces as keys of a Map.
func (n namespace) Compare(other namespace) int { return strings.Compare(string(n), string(other)) }

// KeepBounds follows the claimants that changed. A change of the bounds looks at
// all of them.
func KeepBounds(all Claimants, bounds objects.Bounds, last *Bounded) *Bounded {
	if last == nil || last.bounds != bounds {
		last = &Bounded{}
	} else if last.all == all {
		return last
	}
	b := &Bounded{all: all, bounds: bounds}
	each, sums, kept, wrong := last.trimmed.Edit(), last.sums.Edit(), last.Kept.Edit(), last.Wrong.Edit()
	over := make(map[namespace]bool) // namespaces that are, or were, beyond their bound
	for key, change := range all.Changes(last.all) {
		before, after := each.Get(key), (*trimmed)(nil)
		if change.After != nil {
			after = Trim(change.After, bounds)
		}
		each.Set(key, after)
		at := namespace(key.Namespace)
		was := sums.Get(at).sum()
		now := was - before.size() + after.size()
		if now == 0 {
			sums.Set(at, nil)
		} else {
			sums.Set(at, &spending{now})
		}
		if bounds.BytesPerNamespace > 0 && (was > bounds.BytesPerNamespace || now > bounds.BytesPerNamespace) {
			over[at] = true
		}
		kept.Set(key, after.claimant())
		wrong.Set(key, after.told())
	}
	b.trimmed, b.sums = each.Map(), sums.Map()
	for at := range over {
		b.spend(at, kept, wrong)
	}
	b.Kept, b.Wrong = kept.Map(), wrong.Map()
	return b
}

// spend keeps the oldest claimants of a namespace, as many as its bound allows.
func (b *Bounded) spend(at namespace, kept *gatelodge.MapEdit[intent.Key, *intent.Claimant], wrong *gatelodge.MapEdit[intent.Key, *follow.Told]) {
	var list []*trimmed
	for key, t := range b.trimmed.From(intent.Key{Namespace: string(at)}) {
		if key.Namespace != string(at) {
			break
		}
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *trimmed) int { return compareClaimants(a.Claimant, b.Claimant) })
	var sum int64
	for _, t := range list {
		key := t.Key()
		if sum += t.Bytes; sum <= b.bounds.BytesPerNamespace {
			kept.Set(key, t.Claimant)
			wrong.Set(key, t.wrong)
			continue
		}
		sum -= t.Bytes
		kept.Set(key, nil)
		problem := intent.Refuse(&t.Applicant, gatelodge.TooMuch, "it is left out: the objects of namespace %s would take more than %d bytes (ingress.bounds.bytesPerNamespace), and older ones come first", at, b.bounds.BytesPerNamespace)
		if before := wrong.Get(key); before == nil || !slices.Equal(before.Problems, []gatelodge.Problem{*problem}) {
			wrong.Set(key, &follow.Told{Problems: []gatelodge.Problem{*problem}})
		}
	}
}

// Trim removes from an Ingress everything beyond its bounds.
func Trim(c *intent.Claimant, bounds objects.Bounds) *trimmed {
	t := &trimmed{Claimant: c}
	routes := 0
	for i := range c.Claims {
		claim := &c.Claims[i]
		if c.Source != nil && bounds.NamesPerIngress > 0 && i == bounds.NamesPerIngress {
			t.leaveOut(i, "it asks for %d names, the most is %d (ingress.bounds.namesPerIngress); %s and what follows are left out", len(c.Claims), i, intent.HostName(claim.Name))
			break
		}
		if routes += len(claim.Paths); c.Source != nil && bounds.RoutesPerIngress > 0 && routes > bounds.RoutesPerIngress {
			t.leaveOut(i, "it asks for more than %d routes (ingress.bounds.routesPerIngress), aliases counted; %s and what follows are left out", bounds.RoutesPerIngress, intent.HostName(claim.Name))
			break
		}
		t.Bytes += bytesOf(claim)
	}
	if n := len(c.Alternatives); bounds.RoutesPerIngress > 0 && n > bounds.RoutesPerIngress {
		t.leaveOut(0, "it asks for more than %d routes (ingress.bounds.routesPerIngress); %s and what follows are left out", bounds.RoutesPerIngress, &c.Alternatives[bounds.RoutesPerIngress])
		t.Alternatives = t.Alternatives[:bounds.RoutesPerIngress:bounds.RoutesPerIngress]
	}
	t.Bytes += int64(bytesOfPart * c.Asked.Canary.PatternSize)
	for i := range t.Alternatives {
		t.Bytes += int64(bytesOfRoute + 2*len(t.Alternatives[i].Written))
	}
	t.Bytes += c.Asked.Snippets.Bytes(len(t.Claims))
	return t
}

func (t *trimmed) leaveOut(from int, format string, args ...any) {
	rest := *t.Claimant
	rest.Claims = rest.Claims[:from:from]
	t.Claimant = &rest
	t.wrong = &follow.Told{Problems: []gatelodge.Problem{*intent.Refuse(&t.Applicant, gatelodge.TooMuch, "%s", fmt.Sprintf(format, args...))}}
}

// The approximate memory of a name and a route in the gateway, including all tables.
const (
	bytesOfName  = 1024
	bytesOfRoute = 256
	bytesOfPart  = 64 // of a regular expression
)

// bytesOf estimates the memory of a claim that is granted.
func bytesOf(claim *intent.Claim) int64 {
	n := bytesOfName + len(claim.Name)
	for i := range claim.Paths {
		n += bytesOfRoute + 2*len(claim.Paths[i].Path) + bytesOfPart*claim.Paths[i].Size
	}
	if claim.Records != nil {
		for _, set := range claim.Records.List {
			for _, data := range set.Data {
				n += 2 * len(data)
			}
		}
	}
	return int64(n)
}

func (t *trimmed) claimant() *intent.Claimant {
	if t == nil {
		return nil
	}
	return t.Claimant
}

func (t *trimmed) told() *follow.Told {
	if t == nil {
		return nil
	}
	return t.wrong
}

func (t *trimmed) size() int64 {
	if t == nil {
		return 0
	}
	return t.Bytes
}

func (s *spending) sum() int64 {
	if s == nil {
		return 0
	}
	return s.bytes
}

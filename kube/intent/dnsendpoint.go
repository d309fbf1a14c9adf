package intent

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// RecordSet is records of one type at a name.
type RecordSet struct {
	Rtype string
	TTL   time.Duration // 0: that of the zone
	Data  []string      // RDATA in master-file form, each once
}

// RecordSets is immutable.
type RecordSets struct{ List []RecordSet }

// Limits of the records of one type at one name, so that they fit a message
// (RFC 1035 §4.2.2).
const (
	MaxRecords    = 200
	MaxRecordText = 16 << 10
)

// readDNSEndpoint reads the records of a DNSEndpoint. An endpoint is used completely or
// not at all, because half a set of records misleads.
func (r *Reading) readDNSEndpoint(source *objects.DNSEndpoint, objs *objects.Objects) *Claimant {
	cfg := r.cfg
	p := &Claimant{
		Applicant: Applicant{Object: objs.ObjectOf("DNSEndpoint", &source.ObjectMeta), Since: source.CreationTimestamp.Time},
	}
	if _, controller, ok := externaldns.Find(source.Annotations, "controller"); ok && controller != externaldns.OurController {
		return p
	}
	if source.Malformed != "" {
		p.problem(gatelodge.BadRecord, "its spec can't be read: %.300s", source.Malformed)
	}
	for i := range source.Spec.Endpoints {
		endpoint := &source.Spec.Endpoints[i]
		name, err := syntax.RuleHost(endpoint.DNSName)
		if err != nil || name == "" {
			p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: dnsName %.60q is not a valid name%s", i, endpoint.DNSName, syntax.WriteInstead(endpoint.DNSName))
			continue
		}
		if !cfg.HasZoneOf(name) {
			continue // others publish it
		}
		if set, ok := p.recordSet(endpoint, i); ok {
			p.addRecords(name, set)
		}
	}
	if len(p.Claims) > 0 {
		p.setViews(source.Annotations[annotations.ViewsAnnotation], nil, r.tenants.list[source.Namespace].Views, cfg)
	}
	var list annotations.Ineffective
	for _, key := range slices.Sorted(maps.Keys(source.Annotations)) {
		if externaldns.Has(key) && !strings.HasSuffix(key, "/controller") && len(p.Claims) > 0 {
			list.Add(key, "")
		}
	}
	if len(list) > 0 {
		p.problem(gatelodge.UnknownAnnotation, "%s", list)
	}
	return p
}

// recordSet reads the records of one endpoint.
func (p *Claimant) recordSet(endpoint *objects.Endpoint, i int) (set RecordSet, ok bool) {
	typ := strings.ToUpper(endpoint.RecordType)
	table := syntax.RecordTypes()
	at := slices.IndexFunc(table, func(t syntax.RecordType) bool { return t.Name == typ })
	switch {
	case slices.Contains(syntax.OfZones(), typ):
		p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: %s records of %s can be set only in the configuration", i, typ, endpoint.DNSName)
		return set, false
	case at < 0:
		p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: recordType %.20q is not served, expected A, AAAA, CNAME, PTR, TXT, MX, SRV or NAPTR", i, endpoint.RecordType)
		return set, false
	case endpoint.RecordTTL < 0 || endpoint.RecordTTL > math.MaxInt32: // RFC 2181 §8
		p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: recordTTL %d is out of range, expected seconds up to %d", i, endpoint.RecordTTL, math.MaxInt32)
		return set, false
	case len(endpoint.Targets) == 0:
		p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: %s %s has no targets", i, endpoint.DNSName, typ)
		return set, false
	}
	set = RecordSet{Rtype: typ, TTL: time.Duration(endpoint.RecordTTL) * time.Second}
	for _, target := range endpoint.Targets {
		data, err := table[at].RDATA(target)
		if err != nil {
			p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: target %.60q of %s %s %v, expected %s", i, target, endpoint.DNSName, typ, err, table[at].Expects)
			return set, false
		}
		set.Data = append(set.Data, data)
	}
	slices.Sort(set.Data)
	set.Data = slices.Compact(set.Data)
	return set, true
}

// addRecords adds a claim for records, combined with those of the same name.
func (p *Claimant) addRecords(name gatelodge.Name, set RecordSet) {
	claim := p.claim(name)
	switch {
	case claim == nil:
	case claim.Records == nil:
		claim.Records = &RecordSets{List: []RecordSet{set}}
	default:
		claim.Records.List = append(claim.Records.List, set)
	}
}

package kube

import (
	"math"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// recordSet is records of one type at a name.
type recordSet struct {
	rtype string
	ttl   time.Duration // 0: that of the zone
	data  []string      // RDATA in master-file form, each once
}

// recordSets is never written: other records are other recordSets.
type recordSets struct{ list []recordSet }

// Limits of the records of one type at one name, so that they fit a message
// (RFC 1035 §4.2.2).
const (
	maxRecords    = 200
	maxRecordText = 16 << 10
)

// readDNSEndpoint reads the records that a DNSEndpoint asks for. An endpoint is
// taken as a whole or not at all: half a set of records misleads.
func readDNSEndpoint(source *DNSEndpoint, objects *Objects, cfg *Config) *publication {
	p := &publication{
		applicant: applicant{object: objects.objectOf("DNSEndpoint", &source.ObjectMeta), since: source.CreationTimestamp.Time},
		version:   objects.versionOf(&source.ObjectMeta),
	}
	if _, controller, ok := externalDNS(source.Annotations, "controller"); ok && controller != ourController {
		return p
	}
	if source.Malformed != "" {
		p.problem(gatelodge.BadRecord, "its spec can't be read: %.300s", source.Malformed)
	}
	for i := range source.Spec.Endpoints {
		endpoint := &source.Spec.Endpoints[i]
		name, err := ruleHost(endpoint.DNSName)
		if err != nil || name == "" {
			p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: dnsName %.60q is no name", i, endpoint.DNSName)
			continue
		}
		if !cfg.hasZoneOf(name) {
			continue // somebody else's to publish
		}
		if set, ok := p.recordSet(endpoint, i); ok {
			p.addRecords(name, set)
		}
	}
	return p
}

// recordSet reads the records of one endpoint.
func (p *publication) recordSet(endpoint *Endpoint, i int) (set recordSet, ok bool) {
	typ := strings.ToUpper(endpoint.RecordType)
	table := recordTypeTable()
	at := slices.IndexFunc(table, func(t recordType) bool { return t.name == typ })
	switch {
	case slices.Contains(zonesOwn(), typ):
		p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: %s records of %s are the zone's own, for the configuration to write", i, typ, endpoint.DNSName)
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
	set = recordSet{rtype: typ, ttl: time.Duration(endpoint.RecordTTL) * time.Second}
	for _, target := range endpoint.Targets {
		data, err := table[at].rdata(target)
		if err != nil {
			p.problem(gatelodge.BadRecord, "spec.endpoints[%d]: target %.60q of %s %s %v, expected %s", i, target, endpoint.DNSName, typ, err, table[at].expects)
			return set, false
		}
		set.data = append(set.data, data)
	}
	slices.Sort(set.data)
	set.data = slices.Compact(set.data)
	return set, true
}

// addRecords asks for records, together with those of the same name.
func (p *publication) addRecords(name gatelodge.Name, set recordSet) {
	for i := range p.asks {
		if p.asks[i].name == name {
			p.asks[i].records.list = append(p.asks[i].records.list, set)
			return
		}
	}
	p.asks = append(p.asks, publishAsk{name: name, records: &recordSets{list: []recordSet{set}}})
}

package dnsserve

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// The times in SOA records that secondaries use (RFC 1912 §2.2).
const (
	soaRefresh = 4 * time.Hour
	soaRetry   = time.Hour
	soaExpire  = 14 * 24 * time.Hour
)

// authority is the SOA record of a zone in a view. It outlives tables, because serials
// are published independently of Snapshots.
type authority struct{ current atomic.Pointer[soa] }

// soa is an SOA record, compiled.
type soa struct {
	serial uint32
	known  bool   // false: there is no serial yet, and no SOA record is sent
	set    *rrset // for answers
	// negative is the record for negative answers, with the TTL for which they may be
	// cached (RFC 2308 §3).
	negative *rrset
}

// newSOA returns the SOA record of a zone with this serial.
func newSOA(source *gatelodge.Zone, serial uint32) (*soa, error) {
	return compileSOA(&dns.SOA{
		Hdr:     dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: seconds(source.TTL)},
		Ns:      dns.Fqdn(string(source.Primary)),
		Mbox:    dns.Fqdn(string(source.Hostmaster)),
		Serial:  serial,
		Refresh: seconds(soaRefresh),
		Retry:   seconds(soaRetry),
		Expire:  seconds(soaExpire),
		Minttl:  seconds(source.NegativeTTL),
	})
}

func compileSOA(rr *dns.SOA) (*soa, error) {
	set, err := newRRset([]dns.RR{rr})
	if err != nil {
		return nil, err
	}
	short := *rr
	short.Hdr.Ttl = min(rr.Hdr.Ttl, rr.Minttl)
	negative, err := newRRset([]dns.RR{&short})
	if err != nil {
		return nil, err
	}
	return &soa{serial: rr.Serial, known: true, set: set, negative: negative}, nil
}

func isSOA(set *rrset) bool { return set.rtype == dns.TypeSOA }

// authorities are the SOA records of all zones.
type authorities struct {
	log *slog.Logger

	mu     sync.Mutex
	byZone map[zoneKey]*authority
}

func newAuthorities(log *slog.Logger) *authorities {
	return &authorities{log: log, byZone: make(map[zoneKey]*authority)}
}

// of returns the SOA record of a zone, which may be empty.
func (a *authorities) of(key zoneKey) *authority {
	a.mu.Lock()
	defer a.mu.Unlock()
	record := a.byZone[key]
	if record == nil {
		record = &authority{}
		a.byZone[key] = record
	}
	return record
}

// published sets the zone's SOA record to that of a version.
func (a *authorities) published(key versions.Key, v *versions.Version) {
	record, err := newSOA(v.Zone, v.Serial)
	if err != nil { // Build's names are valid, but those in a store may be arbitrary
		a.log.Error("a zone keeps its last SOA record because the new one can't be made", "zone", key.Zone, "view", key.View, "error", err)
		return
	}
	a.of(zoneKey{string(key.Zone), key.View}).current.Store(record)
}

// forget drops the records of zones that t does not have.
func (a *authorities) forget(t *table) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.byZone {
		if !t.has(key) {
			delete(a.byZone, key)
		}
	}
}

// seconds is a TTL or another time of a record (RFC 2181 §8: 31 bits).
func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), 1<<31-1))
}

package dnsserve

import (
	"slices"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// The times in SOA records that secondaries use (RFC 1912 §2.2).
const (
	soaRefresh = 4 * time.Hour
	soaRetry   = time.Hour
	soaExpire  = 14 * 24 * time.Hour
)

// makeSOA gives z the SOA record that its source and its serial ask for.
func (z *zone) makeSOA() error {
	soa := &dns.SOA{
		Hdr:     dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: seconds(z.source.TTL)},
		Ns:      dns.Fqdn(string(z.source.Primary)),
		Mbox:    dns.Fqdn(string(z.source.Hostmaster)),
		Serial:  z.serial,
		Refresh: seconds(soaRefresh),
		Retry:   seconds(soaRetry),
		Expire:  seconds(soaExpire),
		Minttl:  seconds(z.source.NegativeTTL),
	}
	return z.setSOA(soa)
}

// setSOA puts soa at the apex of z, and makes the form that negative answers
// carry.
func (z *zone) setSOA(soa *dns.SOA) error {
	set, err := newRRset([]dns.RR{soa})
	if err != nil {
		return err
	}
	short := *soa
	short.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	negative, err := newRRset([]dns.RR{&short})
	if err != nil {
		return err
	}
	sets := append(slices.DeleteFunc(slices.Clone(z.apex.sets), isSOA), set)
	sortSets(sets)
	z.apex, z.negative, z.serial = z.apex.withSets(sets), negative, soa.Serial
	return nil
}

func isSOA(set *rrset) bool { return set.rtype == dns.TypeSOA }

// sameSOA reports whether both zones have the same SOA record but for the serial.
func sameSOA(a, b *gatelodge.Zone) bool {
	return a.Primary == b.Primary && a.Hostmaster == b.Hostmaster && a.TTL == b.TTL && a.NegativeTTL == b.NegativeTTL
}

// seconds is a TTL or another time of a record (RFC 2181 §8: 31 bits).
func seconds(d time.Duration) uint32 {
	return uint32(min(max(d/time.Second, 0), 1<<31-1))
}

package dnsserve

import (
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// The values of labels. Clients choose the type, and so influence the code, of
// what is counted, so all but these few share one value.
const otherLabel = "OTHER"

var (
	countedTypes = [...]uint16{
		dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS, dns.TypeNS, dns.TypeSOA, dns.TypeCNAME, dns.TypeDNAME,
		dns.TypePTR, dns.TypeMX, dns.TypeTXT, dns.TypeSRV, dns.TypeNAPTR, dns.TypeSVCB, dns.TypeCAA,
		dns.TypeDS, dns.TypeDNSKEY, dns.TypeTLSA, dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR,
	}
	countedCodes = [...]int{
		dns.RcodeSuccess, dns.RcodeNameError, dns.RcodeRefused, dns.RcodeFormatError, dns.RcodeServerFailure,
		dns.RcodeNotImplemented, dns.RcodeYXDomain, dns.RcodeBadVers,
	}
)

// Durations are counted in buckets whose bounds are powers of 2^(1/4) of a
// second: schema 2 of Prometheus' native histograms.
const (
	durationSchema  = 2
	bucketsADouble  = 1 << durationSchema
	shortestBucket  = -24 * bucketsADouble // up to 60 ns
	longestBucket   = 4 * bucketsADouble   // up to 16 s
	durationBuckets = longestBucket - shortestBucket + 1
)

// zoneStats counts the queries for one zone in one view. Each processor has its own
// part, to avoid contention for the counters.
type zoneStats struct {
	key   zoneKey
	parts []statsPart
}

type statsPart struct {
	requests  [transports][len(countedTypes) + 1][len(countedCodes) + 1]atomic.Uint64
	durations [durationBuckets]atomic.Uint64
	spent     atomic.Int64 // nanoseconds
}

func newZoneStats(key zoneKey) *zoneStats {
	return &zoneStats{key: key, parts: make([]statsPart, runtime.GOMAXPROCS(0))}
}

// count adds a query.
func (p *statsPart) count(via transport, qtype uint16, rcode int) {
	p.requests[via][typeIndex(qtype)][codeIndex(rcode)].Add(1)
}

// observe adds the time that a query took.
func (p *statsPart) observe(d time.Duration) {
	p.durations[bucketOf(d)].Add(1)
	p.spent.Add(int64(d))
}

func typeIndex(qtype uint16) int {
	for i, t := range countedTypes {
		if t == qtype {
			return i
		}
	}
	return len(countedTypes)
}

func codeIndex(rcode int) int {
	for i, c := range countedCodes {
		if c == rcode {
			return i
		}
	}
	return len(countedCodes)
}

// bucketOf returns the index of d's bucket. A bucket includes its upper bound.
func bucketOf(d time.Duration) int {
	fraction, exponent := math.Frexp(max(d, 1).Seconds()) // fraction in [1/2, 1)
	quarter := 0
	for _, bound := range [bucketsADouble]float64{0.5, 0.5946035575013605, 0.7071067811865476, 0.8408964152537145} {
		if fraction > bound {
			quarter++
		}
	}
	return min(max((exponent-1)*bucketsADouble+quarter, shortestBucket), longestBucket) - shortestBucket
}

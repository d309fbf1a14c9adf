package dnsserve

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	limitBuckets = 1 << 16 // of 8 octets: memory use does not depend on the number of clients

	// Clients are limited by network: an attacker who spoofs or owns an address
	// usually has its neighbours too.
	limitBits4, limitBits6 = 24, 56

	// slip: one of this many replies over the limit is sent truncated, so that a
	// genuine client can repeat the query over TCP.
	slip = 2
)

// verdict is what happens to a reply.
type verdict int

const (
	send verdict = iota
	sendTruncated
	drop
)

// limiter limits the replies over UDP to each client network (response rate limiting),
// because replies to queries with a spoofed source address go to a victim.
//
// It is a table of leaky buckets in the form of the generic cell rate
// algorithm: a bucket is one number, the time at which it will have leaked
// empty. Networks that share a bucket share its rate; a secret seed decides which
// do, so that attackers can't aim at a bucket.
type limiter struct {
	seed    maphash.Seed
	buckets [limitBuckets]atomic.Int64
	over    atomic.Uint32 // replies over the limit
}

func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

// judge counts a reply to client at this time. Allowed are rate replies a second,
// and bursts of as many.
func (l *limiter) judge(client netip.Addr, rate int, now time.Time) verdict {
	bucket := &l.buckets[l.hash(client)%limitBuckets]
	cost := int64(time.Second) / int64(rate)
	at := now.UnixNano()
	for {
		before := bucket.Load()
		after := max(before, at) + cost
		if after > at+int64(time.Second) {
			break
		}
		if bucket.CompareAndSwap(before, after) {
			return send
		}
	}
	if l.over.Add(1)%slip == 0 {
		return sendTruncated
	}
	return drop
}

// hash hashes the network of client.
func (l *limiter) hash(client netip.Addr) uint64 {
	client = client.Unmap()
	var b [8]byte
	if client.Is4() {
		a := client.As4()
		copy(b[:], a[:limitBits4/8])
	} else {
		a := client.As16()
		copy(b[:], a[:limitBits6/8])
		b[7] = 6
	}
	return maphash.Bytes(l.seed, b[:])
}

package budget

import (
	"maps"
	"math"
	"time"

	"gatelodge.dev"
)

// Limit is one of the limits of a CA.
type Limit string

// The limits of CAs.
const (
	Orders     Limit = "orders"
	Domain     Limit = "domain"
	Duplicates Limit = "duplicates"
	Failures   Limit = "failures"
)

// Order is an order to be placed.
type Order struct {
	Names   []gatelodge.Name // of the certificate; at least one
	Renewal bool             // the CA takes it for the renewal of a certificate
}

// Ledger is what is used of the limits of a CA by one account. It counts as public
// CAs do, by a bucket for each Key that is refilled at a constant rate (the generic
// cell rate algorithm): one time says how full a bucket is. A CA that counts within
// fixed periods needs limits of half of what it allows.
//
// A Ledger may not be used by several goroutines at once.
type Ledger struct {
	Limits gatelodge.CALimits
	full   map[Key]time.Time // when the bucket will be full; earlier than now: it is
	closed map[Key]time.Time // until when the CA has said that it refuses
}

// NewLedger returns a Ledger of which nothing is used.
func NewLedger(limits gatelodge.CALimits) *Ledger {
	return &Ledger{Limits: limits, full: make(map[Key]time.Time), closed: make(map[Key]time.Time)}
}

// Clone returns a copy that is changed on its own.
func (l *Ledger) Clone() *Ledger {
	return &Ledger{Limits: l.Limits, full: maps.Clone(l.full), closed: maps.Clone(l.closed)}
}

func (l *Ledger) rate(limit Limit) gatelodge.Rate {
	switch limit {
	case Orders:
		return l.Limits.Orders
	case Domain:
		return l.Limits.Domain
	case Duplicates:
		return l.Limits.Duplicates
	case Failures:
		return l.Limits.Failures
	}
	return gatelodge.Rate{}
}

// Shared returns from when on an order can be placed, as far as orders for other
// names decide it, and by which limit. The time is not after now if it can be at once.
func (l *Ledger) Shared(o Order, now time.Time) (time.Time, Limit) {
	return l.ready(l.shared(o), now)
}

// Own is Shared as far as earlier orders for the same name decide it.
func (l *Ledger) Own(name gatelodge.Name, now time.Time) (time.Time, Limit) {
	return l.ready(own(Order{Names: []gatelodge.Name{name}}), now)
}

// Allowed returns from when on all limits allow an order, and the last of them.
func (l *Ledger) Allowed(o Order, now time.Time) (time.Time, Limit) {
	return l.ready(append(l.shared(o), own(o)...), now)
}

// Room returns how many orders that a key counts can be placed from now until a time.
func (l *Ledger) Room(key Key, now, until time.Time) int {
	rate := l.rate(key.Limit)
	switch full := latest(l.full[key], now); {
	case l.closed[key].After(until):
		return 0
	case rate.Count == 0:
		return math.MaxInt
	default:
		return int(max(0, until.Sub(full)+rate.Per) / interval(rate))
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ready returns from when on there is something left in all buckets, and which is
// the last.
func (l *Ledger) ready(keys []Key, now time.Time) (at time.Time, last Limit) {
	at = now
	for _, key := range keys {
		rate := l.rate(key.Limit)
		ready := l.closed[key]
		if rate.Count > 0 {
			if one := l.full[key].Add(interval(rate) - rate.Per); one.After(ready) {
				ready = one
			}
		}
		if ready.After(at) {
			at, last = ready, key.Limit
		}
	}
	return at, last
}

// interval is the time in which one is refilled.
func interval(r gatelodge.Rate) time.Duration { return r.Per / time.Duration(r.Count) }

// Take counts an order.
func (l *Ledger) Take(o Order, now time.Time) {
	for _, key := range l.taken(o) {
		l.use(key, now)
	}
}

// taken lists what Take counts.
func (l *Ledger) taken(o Order) []Key { return append(l.shared(o), Key{Duplicates, setOf(o.Names)}) }

// Return takes back what Take counted, for an order that was not placed.
func (l *Ledger) Return(o Order) {
	for _, key := range l.taken(o) {
		l.giveBack(key)
	}
}

// NotIssued takes back what Take counted of certificates, for an order that ended
// without one. The order itself stays counted.
func (l *Ledger) NotIssued(o Order) {
	for _, key := range l.taken(o) {
		if key.Limit != Orders {
			l.giveBack(key)
		}
	}
}

// FailedValidation counts that the CA could not validate a name.
func (l *Ledger) FailedValidation(name gatelodge.Name, now time.Time) {
	l.use(Key{Failures, validated(name)}, now)
}

func (l *Ledger) use(key Key, now time.Time) {
	rate := l.rate(key.Limit)
	if rate.Count == 0 {
		return
	}
	full := l.full[key]
	if full.Before(now) {
		full = now
	}
	l.full[key] = full.Add(interval(rate))
}

func (l *Ledger) giveBack(key Key) {
	if rate := l.rate(key.Limit); rate.Count > 0 {
		l.full[key] = l.full[key].Add(-interval(rate))
	}
}

// Refused keeps that the CA itself refuses until a time, whatever was counted here:
// others may use the same account or domain. For a domain nothing is kept without a
// limit: each of its names waits when it is refused.
func (l *Ledger) Refused(key Key, until time.Time) {
	if key.Limit == Domain && l.Limits.Domain.Count == 0 {
		return
	}
	if until.After(l.closed[key]) {
		l.closed[key] = until
	}
}

// forget drops what no longer limits anything.
func (l *Ledger) forget(now time.Time) {
	past := func(_ Key, until time.Time) bool { return !until.After(now) }
	maps.DeleteFunc(l.full, past)
	maps.DeleteFunc(l.closed, past)
}

// Merge takes over what another Ledger of the same account has counted more.
func (l *Ledger) Merge(other *Ledger) {
	later := func(to, from map[Key]time.Time) {
		for key, at := range from {
			if at.After(to[key]) {
				to[key] = at
			}
		}
	}
	later(l.full, other.full)
	later(l.closed, other.closed)
}

package issuer

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"gatelodge.dev/tls/budget"
)

// bundlePatience is how long hosts wait for the limits of the CA before they share
// certificates.
const bundlePatience = time.Hour

var ordersKey = budget.Key{Limit: budget.Orders}

func domainKey(domain string) budget.Key { return budget.Key{Limit: budget.Domain, Of: domain} }

// decideSharing decides, when s has just begun, because of which limits hosts share
// certificates: those that would make the last that is due now wait for too long. That
// is kept until none is due any more: with each order fewer have to wait, but if the rest
// then got certificates of their own, how many are ordered would depend on how long an
// order takes, and could not be planned.
func (q *queue) decideSharing(s *nameState, l *budget.Ledger, now time.Time) {
	q.count(s, +1)
	defer q.count(s, -1)
	until := now.Add(bundlePatience)
	orders := 0 // that other limits allow until then
	for domain, due := range q.dueOf {
		room := l.Room(domainKey(domain), now, until)
		if due > room {
			q.sharing[domainKey(domain)] = true
		}
		orders += min(due, room)
	}
	if orders > l.Room(ordersKey, now, until) {
		q.sharing[ordersKey] = true
	}
	if !q.sharing[ordersKey] {
		return
	}
	for domain, due := range q.dueOf { // or one domain would make names of others wait
		if due > l.Room(domainKey(domain), now, now) {
			q.sharing[domainKey(domain)] = true
		}
	}
}

// endSharing ends it for the limits because of which nothing waits any more.
func (q *queue) endSharing() {
	if len(q.busy) > 0 { // for the end of which others may wait
		return
	}
	others := false
	for domain := range q.dueOf {
		others = others || !q.sharing[domainKey(domain)]
	}
	maps.DeleteFunc(q.sharing, func(key budget.Key, _ bool) bool {
		return key == ordersKey && !others || key != ordersKey && q.dueOf[key.Of] == 0
	})
}

// newcomers returns those that are ordered together with s, which are due and without a
// certificate as well: so many names of its registered domain if the limit for that
// makes them share, or else of all domains that do not share for their own.
//
// They are taken in the order of their names, so that the same share a certificate
// whichever of them comes first.
func (q *queue) newcomers(s *nameState, l *budget.Ledger, now time.Time, most int) []*nameState {
	q.decideSharing(s, l, now)
	ofDomain := q.sharing[domainKey(s.domain)]
	if !ofDomain && !q.sharing[ordersKey] {
		return nil
	}
	all := []*nameState{s}
	for domain, due := range s.turn.due {
		if domain != s.domain && (ofDomain || q.sharing[domainKey(domain)]) {
			continue
		}
		for _, other := range due.list {
			if other.need() != begun && other.issuance.RetryAt.IsZero() && other.suits(s) {
				all = append(all, other)
			}
		}
	}
	slices.SortFunc(all, func(a, b *nameState) int {
		return cmp.Or(cmp.Compare(a.domain, b.domain), a.issuance.Key().Compare(b.issuance.Key()))
	})
	first := slices.Index(all, s) / most * most
	together := all[first:min(first+most, len(all))]
	return slices.DeleteFunc(together, func(other *nameState) bool { return other == s })
}

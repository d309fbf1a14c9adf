package dnsserve

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// Limits of transfers, which only clients with a key can use.
const (
	transfersAtOnce  = 10
	transfersAClient = 3                // of these
	transferTime     = 10 * time.Minute // for one transfer
)

// transfer is the compiled setting of who may transfer a zone.
type transfer struct {
	source *gatelodge.Transfer
	keys   []*signingKey
}

// allows reports whether a client that signed with this key, nil for none, may transfer
// the zone. A nil transfer allows no client.
func (x *transfer) allows(key *signingKey, client netip.Addr) bool {
	if x == nil || key == nil || !slices.Contains(x.keys, key) {
		return false
	}
	client = client.Unmap()
	return len(x.source.Networks) == 0 ||
		slices.ContainsFunc(x.source.Networks, func(n netip.Prefix) bool { return n.Contains(client) })
}

// compileTransfers fills in the keys and transfers of a table.
func (t *table) compileTransfers(source []*gatelodge.Transfer, before *table) {
	if before != nil && slices.Equal(source, before.source) {
		t.source, t.keys, t.transfers = before.source, before.keys, before.transfers
		return
	}
	t.source = source
	t.keys, t.transfers = make(map[string]*signingKey), make(map[transferKey]*transfer)
	for _, s := range source {
		x := &transfer{source: s}
		for _, key := range s.Keys {
			at := string(wireName(key.Name))
			if t.keys[at] == nil {
				t.keys[at] = newSigningKey(key)
			}
			if t.keys[at].source.Same(key) {
				x.keys = append(x.keys, t.keys[at])
				t.keys[at].views = append(t.keys[at].views, s.Views...)
			}
		}
		for _, view := range s.Views {
			t.transfers[transferKey{string(wireName(s.Zone)), view}] = x
		}
	}
}

func (t *table) signingKeys() map[string]*signingKey {
	if t == nil {
		return nil
	}
	return t.keys
}

// transfers counts the transfers in progress, of all listeners.
type transfers struct {
	versions *versions.Zones

	mu       sync.Mutex
	total    int
	byClient map[netip.Addr]int

	counts counts[transferCount]
}

// transferCount is the labels of a count of transfers.
type transferCount struct {
	zone   versions.Key
	kind   string // axfr, ixfr, or soa if the client has the current version
	result string // sent, refused or failed
}

func (c transferCount) about() versions.Key { return c.zone }

func newTransfers(v *versions.Zones) *transfers {
	return &transfers{versions: v, byClient: make(map[netip.Addr]int)}
}

// take reserves a transfer, and reports whether one more may start.
func (x *transfers) take(client netip.Addr) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.total == transfersAtOnce || x.byClient[client] == transfersAClient {
		return false
	}
	x.total++
	x.byClient[client]++
	return true
}

func (x *transfers) release(client netip.Addr) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.total--
	if x.byClient[client]--; x.byClient[client] == 0 {
		delete(x.byClient, client)
	}
}

// beginTransfer handles a query for a whole zone (RFC 5936 §2.2) or for its changes
// (RFC 1995). The result is s.outgoing, or a reply if the answer is one record.
func (s *responder) beginTransfer(t *table, client netip.Addr, via transport) {
	q, r := &s.query, &s.reply
	z := s.view.zones[string(q.name)]
	if z == nil {
		if s.fail(dns.RcodeRefused, noTransfer); q.tsig.by() != nil {
			s.fail(dns.RcodeNotAuth, notAuthoritative) // RFC 5936 §2.2.1, for clients that may know
		}
		return
	}
	r.zone = z
	count := transferCount{z.key, "axfr", "refused"}
	if q.qtype == dns.TypeIXFR {
		count.kind = "ixfr"
	}
	defer func() {
		if count.result != "" {
			s.transfers.counts.add(count)
		}
	}()
	rules := t.transfers[transferKey{string(q.name), z.key.View}]
	version := s.transfers.versions.Published(z.key)
	switch {
	case !rules.allows(q.tsig.by(), client):
		s.fail(dns.RcodeRefused, noTransfer)
	case rules.source.RequireTLS && !(via == overTLS && s.strictTLS):
		s.fail(dns.RcodeRefused, onlyTLS)
	case via == overTLS && !s.strictTLS:
		s.fail(dns.RcodeRefused, onlyTLS) // RFC 9103 §7.1
	case version == nil || !version.Proven:
		s.fail(dns.RcodeServerFailure, noSerial)
	case q.qtype == dns.TypeIXFR && !q.hasSOA:
		r.rcode = dns.RcodeFormatError
	case q.qtype == dns.TypeIXFR && (via == overUDP || !versions.Less(q.serial, version.Serial)):
		// Over UDP the SOA record tells the client to ask over TCP (RFC 1995 §2).
		record, err := newSOA(version.Zone, version.Serial)
		if err != nil {
			s.fail(dns.RcodeServerFailure, noSerial)
			return
		}
		r.authoritative = true
		r.answer = append(r.answer, placed{q.name, record.set})
		count.kind, count.result = "soa", "sent"
	case via == overUDP:
		s.fail(dns.RcodeRefused, noTransfer) // RFC 5936 §4.2
	case !s.transfers.take(client):
		s.fail(dns.RcodeServerFailure, manyTransfers)
		count.result = "failed"
	default:
		x := &outgoing{query: q, live: z, version: version}
		if steps, ok := version.Since(q.serial); ok && q.qtype == dns.TypeIXFR {
			x.steps = steps
		} else {
			count.kind = "axfr"
		}
		transfers := s.transfers
		x.end = func(err error) {
			transfers.release(client)
			if count.result = "sent"; err != nil {
				count.result = "failed"
			}
			transfers.counts.add(count)
		}
		s.outgoing = x
		count.result = ""
	}
}

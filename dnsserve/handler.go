package dnsserve

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// transport is how a query arrived; it is a label of a metric.
type transport int

const (
	overUDP transport = iota
	overTCP
	overTLS
	transports
)

// String is the transport's value of the label "proto".
func (t transport) String() string { return [...]string{"udp", "tcp", "tls"}[t] }

// The extended errors in replies (RFC 8914 §4).
var (
	notReady         = &extendedError{dns.ExtendedErrorCodeNotReady, "no configuration has been loaded yet"}
	noSerial         = &extendedError{dns.ExtendedErrorCodeNotReady, "the zone's serial is not known yet"}
	notAuthoritative = &extendedError{dns.ExtendedErrorCodeNotAuthoritative, "this server has no zone that holds the name"}
	noTransfer       = &extendedError{dns.ExtendedErrorCodeProhibited, "zone transfers are for configured clients with a key"}
	onlyTLS          = &extendedError{dns.ExtendedErrorCodeProhibited, "the zone is transferred over TLS 1.3 with ALPN dot only"}
	manyTransfers    = &extendedError{dns.ExtendedErrorCodeOther, "too many transfers at once"}
	noClass          = &extendedError{dns.ExtendedErrorCodeNotSupported, "only class IN is served"}
	noView           = &extendedError{dns.ExtendedErrorCodeNotAuthoritative, "this server has no view for the client"}
)

// responder makes replies. Each serving goroutine has its own, so that answering
// a query allocates nothing.
type responder struct {
	table    func() *table
	views    []string // of the listener
	identity string
	secrets  func() *cookieSecrets
	limiter  *limiter
	queries  *queryLog // nil: none
	part     int       // of the counters that this responder uses

	transfers *transfers
	strictTLS bool      // the connection has TLS 1.3, and was opened for DNS (RFC 9103 §7)
	outgoing  *outgoing // the transfer that answers the query, in place of the reply

	view   *view // the view that answers the query; nil: there is none
	query  query
	reply  reply
	opt    options
	cookie [clientCookieSize + serverCookieSize]byte

	unobserved []*statsPart // of queries whose time has not been counted
	unlogged   float64      // the sum of the shares since the last query that was logged; at 1 one is due
}

// respond appends the reply to message to b, which is empty. It returns nil if there
// must be no reply, or if the answer is a transfer (s.outgoing). now is when the
// message was received.
func (s *responder) respond(b, message []byte, client netip.Addr, via transport, now time.Time) []byte {
	q, r := &s.query, &s.reply
	r.reset()
	s.opt = options{}
	if !q.readHeader(message) {
		return nil
	}
	t := s.table()
	s.view = t.viewFor(s.views, client)
	s.outgoing = nil
	s.decide(message, t, client, via, now)
	s.count(via)
	if t != nil && t.logShare > 0 {
		s.sample(t.logShare, client, via, now)
	}

	if s.outgoing != nil {
		return nil
	}
	limit := maxTCP
	if via == overUDP {
		limit = q.edns.udpSize()
		if t != nil && t.rateLimit > 0 && !q.edns.cookie.valid(client, s.secrets(), now) {
			switch s.limiter.judge(client, t.rateLimit, now) {
			case drop:
				return nil
			case sendTruncated:
				r.truncate()
			}
		}
	}
	if q.edns.present {
		if q.edns.cookie.asked && !q.edns.malformed {
			s.opt.cookie = appendCookie(s.cookie[:0], &q.edns.cookie, client, &s.secrets()[0], now)
		}
		s.opt.padded = q.edns.padding && via == overTLS
		if q.edns.nsid && t != nil && t.nsid {
			s.opt.nsid = s.identity
		}
	}
	return appendReply(b, q, r, &s.opt, limit)
}

// count counts the query under the zone that its name is in.
func (s *responder) count(via transport) {
	var stats *zoneStats
	if s.reply.zone != nil {
		stats = s.reply.zone.stats
	} else if s.view != nil {
		stats = s.view.outside
	}
	if stats != nil {
		part := &stats.parts[s.part%len(stats.parts)]
		part.count(via, s.query.qtype, s.reply.rcode)
		s.unobserved = append(s.unobserved, part)
	}
}

// observe records how long it took to make the replies since its last call.
func (s *responder) observe(d time.Duration) {
	for _, part := range s.unobserved {
		part.observe(d)
	}
	s.unobserved = s.unobserved[:0]
}

// decide fills in the reply to the query in message, whose header has been
// read, from s.view.
func (s *responder) decide(message []byte, t *table, client netip.Addr, via transport, now time.Time) {
	q, r := &s.query, &s.reply
	if q.opcode() != dns.OpcodeQuery {
		r.rcode = dns.RcodeNotImplemented
		return
	}
	if err := q.readBody(message); err != nil {
		r.rcode = dns.RcodeFormatError
		q.tsig.reset()
		return
	}
	if q.tsig.key != nil {
		if r.rcode = q.tsig.verify(message, t.signingKeys(), now); r.rcode == dns.RcodeFormatError {
			q.tsig.reset()
		}
		if r.rcode != dns.RcodeSuccess {
			return
		}
		if len(s.views) > 1 && t != nil {
			s.view = t.viewForKey(s.views, q.tsig.by(), s.view)
		}
	}
	switch {
	case q.edns.version > 0:
		r.rcode = dns.RcodeBadVers
	case q.question == nil: // it only asks for a cookie
	case q.qclass != dns.ClassINET:
		s.fail(dns.RcodeRefused, noClass) // "version.bind CH TXT" too
	case t == nil:
		s.fail(dns.RcodeServerFailure, notReady)
	case s.view == nil:
		s.fail(dns.RcodeRefused, noView)
	case q.qtype == dns.TypeAXFR || q.qtype == dns.TypeIXFR:
		s.beginTransfer(t, client, via)
	default:
		s.view.lookup(r, q.name, q.qtype)
		if r.zone != nil && r.zone.private && !t.transfers[transferKey{string(r.zone.name), r.zone.key.View}].allows(q.tsig.by(), client) {
			r.reset()
			r.rcode = dns.RcodeRefused
		}
		switch r.rcode {
		case dns.RcodeRefused:
			s.opt.extended = notAuthoritative
		case dns.RcodeServerFailure:
			s.opt.extended = noSerial
		}
	}
}

func (s *responder) fail(rcode int, why *extendedError) {
	s.reply.rcode, s.opt.extended = rcode, why
}

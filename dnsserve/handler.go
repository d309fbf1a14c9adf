package dnsserve

import (
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// transport is how a query came; it labels a metric.
type transport int

const (
	overUDP transport = iota
	overTCP
	overTLS
	transports
)

// String is the transport's value of the label "proto".
func (t transport) String() string { return [...]string{"udp", "tcp", "tls"}[t] }

// Extended errors that we give (RFC 8914 §4).
var (
	notReady         = &extendedError{dns.ExtendedErrorCodeNotReady, "no configuration has been loaded yet"}
	notAuthoritative = &extendedError{dns.ExtendedErrorCodeNotAuthoritative, "this server has no zone that holds the name"}
	noTransfer       = &extendedError{dns.ExtendedErrorCodeProhibited, "zone transfers are not allowed"}
	noClass          = &extendedError{dns.ExtendedErrorCodeNotSupported, "only class IN is served"}
	noView           = &extendedError{dns.ExtendedErrorCodeNotAuthoritative, "this listener's view is not configured"}
)

// responder makes replies. Each goroutine that serves has its own, so that
// nothing has to be allocated for a query.
type responder struct {
	table    func() *table
	view     string
	identity string
	secret   *[16]byte // of cookies

	query  query
	reply  reply
	opt    options
	cookie [clientCookieSize + serverCookieSize]byte
}

// respond appends the reply to message to b, which is empty, and returns nil
// where none is due. now is the time of the clock, for cookies.
func (s *responder) respond(b, message []byte, client netip.Addr, via transport, now time.Time) []byte {
	q, r := &s.query, &s.reply
	r.reset()
	s.opt = options{}
	if !q.readHeader(message) {
		return nil
	}
	s.decide(message)

	if q.edns.present {
		if q.edns.cookie.asked && !q.edns.malformed {
			s.opt.cookie = appendCookie(s.cookie[:0], &q.edns.cookie, client, s.secret, now)
		}
		if q.edns.nsid {
			s.opt.nsid = s.identity
		}
	}
	limit := maxTCP
	if via == overUDP {
		limit = q.edns.udpSize()
	}
	return appendReply(b, q, r, &s.opt, limit)
}

// decide fills in the reply to the query in message, whose header has been
// read.
func (s *responder) decide(message []byte) {
	q, r := &s.query, &s.reply
	if q.opcode() != dns.OpcodeQuery {
		r.rcode = dns.RcodeNotImplemented
		return
	}
	if err := q.readBody(message); err != nil {
		r.rcode = dns.RcodeFormatError
		return
	}
	t := s.table()
	switch {
	case q.edns.version > 0:
		r.rcode = dns.RcodeBadVers
	case q.question == nil: // asks for a cookie only
	case q.qclass != dns.ClassINET:
		s.fail(dns.RcodeRefused, noClass) // "version.bind CH TXT" too
	case t == nil:
		s.fail(dns.RcodeServerFailure, notReady)
	case q.qtype == dns.TypeAXFR || q.qtype == dns.TypeIXFR:
		s.fail(dns.RcodeRefused, noTransfer)
	default:
		v := t.views[s.view]
		if v == nil {
			s.fail(dns.RcodeRefused, noView)
			return
		}
		v.lookup(r, q.name, q.qtype)
		if r.rcode == dns.RcodeRefused {
			s.opt.extended = notAuthoritative
		}
	}
}

func (s *responder) fail(rcode int, why *extendedError) {
	s.reply.rcode, s.opt.extended = rcode, why
}

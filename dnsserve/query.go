package dnsserve

import (
	"encoding/binary"
	"errors"

	"github.com/miekg/dns"
)

// headerSize is the length of a message's header (RFC 1035 §4.1.1).
const headerSize = 12

// Bits of the header's second 16 bits.
const (
	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagCD = 1 << 4

	opcodeMask = 0xF << 11
)

// errFormat means that a message can't be read as a query: FORMERR.
var errFormat = errors.New("malformed query")

// query is a received message, read as far as an answer needs it. It is
// reused from message to message and refers to the current one.
type query struct {
	id       uint16
	flags    uint16
	question []byte // as received, with the case of its letters; nil: none
	name     name   // the name asked for, in lower case
	qtype    uint16
	qclass   uint16
	edns     edns
	tsig     tsig
	serial   uint32 // of the SOA record in the authority section: what the client of an IXFR has
	hasSOA   bool

	buf [maxName]byte // of name
}

// readHeader reads the header of message. It returns false if there can be no reply:
// the message is too short, or is a reply itself, because answering replies could start
// an endless exchange between two servers.
func (q *query) readHeader(message []byte) bool {
	if len(message) < headerSize {
		return false
	}
	q.id = binary.BigEndian.Uint16(message)
	q.flags = binary.BigEndian.Uint16(message[2:])
	q.question, q.name, q.qtype, q.qclass, q.edns, q.serial, q.hasSOA = nil, nil, 0, 0, edns{}, 0, false
	q.tsig.reset()
	return q.flags&flagQR == 0
}

// opcode returns the kind of request.
func (q *query) opcode() int { return int(q.flags & opcodeMask >> 11) }

// readBody reads what follows the header of a standard query. After an error, what
// it read so far is used in the reply. Octets beyond the records that the header
// counts are ignored.
func (q *query) readBody(message []byte) error {
	questions := binary.BigEndian.Uint16(message[4:])
	answers := binary.BigEndian.Uint16(message[6:])
	authority := int(binary.BigEndian.Uint16(message[8:]))
	additional := int(binary.BigEndian.Uint16(message[10:]))

	at := headerSize
	if questions == 1 {
		end, err := q.readQuestion(message)
		if err != nil {
			return err
		}
		at = end
	}
	// A query has no answers; its authority section is for IXFR (RFC 1995 §3).
	if questions > 1 || answers > 0 {
		return errFormat
	}
	for i := range authority + additional {
		start := at
		at = skipName(message, at)
		if at < 0 || at+10 > len(message) || q.tsig.key != nil { // TSIG is the last (RFC 8945 §5.1)
			return errFormat
		}
		owner := message[start:at]
		rtype := binary.BigEndian.Uint16(message[at:])
		end := at + 10 + int(binary.BigEndian.Uint16(message[at+8:]))
		if end > len(message) {
			return errFormat
		}
		switch rtype {
		case dns.TypeOPT:
			// One, in the additional section, owned by the root (RFC 6891 §6.1.1).
			if i < authority || q.edns.present || owner[0] != 0 {
				return errFormat
			}
			q.edns.read(binary.BigEndian.Uint16(message[at+2:]), binary.BigEndian.Uint32(message[at+4:]), message[at+10:end])
		case dns.TypeTSIG:
			if i < authority || !q.tsig.read(owner, message[at+10:end], start) {
				return errFormat
			}
		case dns.TypeSOA:
			if i == 0 && authority > 0 {
				q.readSOA(message[:end], at+10)
			}
		}
		at = end
	}
	// RFC 7873 §5.4: a query without a question may still ask for a cookie.
	if questions == 0 && !q.edns.cookie.asked {
		return errFormat
	}
	if q.edns.malformed {
		return errFormat
	}
	return nil
}

// readSOA reads the serial of an SOA record whose data begin at this offset and
// end with the message.
func (q *query) readSOA(message []byte, at int) {
	for range 2 { // MNAME, RNAME
		if at = skipName(message, at); at < 0 {
			return
		}
	}
	if at+20 == len(message) {
		q.serial, q.hasSOA = binary.BigEndian.Uint32(message[at:]), true
	}
}

// readQuestion reads the question and returns where it ends. Its name can't be
// compressed: there is nothing before it to point to.
func (q *query) readQuestion(message []byte) (end int, err error) {
	size := nameSize(message[headerSize:])
	at := headerSize + size
	end = at + 4
	if size < 0 || end > len(message) {
		return 0, errFormat
	}
	q.name = q.buf[:copy(q.buf[:], message[headerSize:at])]
	lower(q.name)
	q.qtype = binary.BigEndian.Uint16(message[at:])
	q.qclass = binary.BigEndian.Uint16(message[at+2:])
	q.question = message[headerSize:end]
	return end, nil
}

// nameSize returns the length of the name that b begins with, and -1 if it is
// compressed, too long or cut off.
func nameSize(b []byte) int {
	for at := 0; at < min(len(b), maxName) && b[at] <= 63; at += int(b[at]) + 1 {
		if b[at] == 0 {
			return at + 1
		}
	}
	return -1
}

// skipName returns where the name at this offset ends, and -1 if it does not.
// It does not follow compression pointers, so a loop of them does no harm.
func skipName(message []byte, at int) int {
	for at < len(message) {
		switch length := message[at]; {
		case length == 0:
			return at + 1
		case length >= 0xC0:
			return at + 2
		case length > 63:
			return -1
		default:
			at += int(length) + 1
		}
	}
	return -1
}

package dnsserve

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

const (
	maxUDP   = 1232 // the largest reply over UDP that no common path fragments (DNS flag day 2020)
	plainUDP = 512  // without EDNS (RFC 1035 §2.3.4)
	maxTCP   = 65535

	// paddingBlock makes answers on an encrypted connection hard to tell apart by
	// their length (RFC 8467 §4.1).
	paddingBlock = 468

	optSize      = 11 // an OPT record without options: owner, type, class, TTL, length
	optionHeader = 4
)

// Bits of the OPT record's TTL (RFC 6891 §6.1.3).
const (
	ednsDO          = 1 << 15
	ednsVersionMask = 0xFF << 16
)

// edns is the OPT record of a query (RFC 6891).
type edns struct {
	present   bool
	malformed bool
	version   uint8
	do        bool
	size      int // of UDP payload that the client accepts
	nsid      bool
	padding   bool
	cookie    cookie
}

// read reads an OPT record's class, TTL and data. Unknown options are ignored
// (§6.1.2).
func (e *edns) read(class uint16, ttl uint32, options []byte) {
	e.present = true
	e.size = int(class)
	e.version = uint8(ttl & ednsVersionMask >> 16)
	e.do = ttl&ednsDO != 0
	for len(options) > 0 {
		if len(options) < optionHeader {
			e.malformed = true
			return
		}
		code := binary.BigEndian.Uint16(options)
		end := optionHeader + int(binary.BigEndian.Uint16(options[2:]))
		if end > len(options) {
			e.malformed = true
			return
		}
		switch data := options[optionHeader:end]; code {
		case dns.EDNS0NSID:
			e.nsid = true
		case dns.EDNS0PADDING:
			e.padding = true
		case dns.EDNS0COOKIE:
			if !e.cookie.read(data) {
				e.malformed = true // RFC 7873 §5.2.2
			}
		}
		options = options[end:]
	}
}

// udpSize returns the most octets of a reply over UDP.
func (e *edns) udpSize() int {
	return min(max(e.size, plainUDP), maxUDP)
}

// options is the content of a reply's OPT record.
type options struct {
	cookie   []byte // client and server cookie; nil: none
	nsid     string // "": none
	extended *extendedError
	padded   bool // the message's length is rounded up to paddingBlock
	padding  int  // length of the padding in octets
}

// extendedError explains a failure to operators (RFC 8914).
type extendedError struct {
	code uint16
	text string
}

// size returns the length of the OPT record that append writes.
func (o *options) size() int {
	n := optSize
	if o.cookie != nil {
		n += optionHeader + len(o.cookie)
	}
	if o.nsid != "" {
		n += optionHeader + len(o.nsid)
	}
	if o.extended != nil {
		n += optionHeader + 2 + len(o.extended.text)
	}
	if o.padded {
		n += optionHeader + o.padding
	}
	return n
}

// pad chooses the padding of a message that has size octets before the OPT
// record. A message that would become too long is not padded.
func (o *options) pad(size int) {
	if size += o.size(); o.padded && size <= maxTCP-paddingBlock {
		o.padding = (paddingBlock - size%paddingBlock) % paddingBlock
	}
}

// append appends the OPT record of a reply with this code to a query with e.
func (o *options) append(b []byte, e *edns, rcode int) []byte {
	var ttl uint32 = uint32(rcode) >> 4 << 24 // the code's upper bits; version 0
	if e.do {
		ttl |= ednsDO // RFC 3225 §3
	}
	b = append(b, 0)
	b = binary.BigEndian.AppendUint16(b, dns.TypeOPT)
	b = binary.BigEndian.AppendUint16(b, maxUDP)
	b = binary.BigEndian.AppendUint32(b, ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(o.size()-optSize))
	if o.cookie != nil {
		b = appendOption(b, dns.EDNS0COOKIE, len(o.cookie))
		b = append(b, o.cookie...)
	}
	if o.nsid != "" {
		b = appendOption(b, dns.EDNS0NSID, len(o.nsid))
		b = append(b, o.nsid...)
	}
	if o.extended != nil {
		b = appendOption(b, dns.EDNS0EDE, 2+len(o.extended.text))
		b = binary.BigEndian.AppendUint16(b, o.extended.code)
		b = append(b, o.extended.text...)
	}
	if o.padded {
		b = appendOption(b, dns.EDNS0PADDING, o.padding)
		b = append(b, make([]byte, o.padding)...)
	}
	return b
}

func appendOption(b []byte, code uint16, size int) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	return binary.BigEndian.AppendUint16(b, uint16(size))
}

package dnsserve

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// The sizes of the fields that follow the name of the algorithm in a TSIG record's
// data (RFC 8945 §4.2).
const (
	tsigTimes = 6 + 2         // time signed, fudge
	tsigFixed = tsigTimes + 2 // and the length of the MAC that follows
)

// tsig is the signature of a query. The server has no keys, so every signed query
// is answered with the error that its key is unknown.
type tsig struct {
	key       []byte // its name; nil: the query is not signed
	algorithm []byte // its name
	times     []byte
}

// read reads the record of this owner and data, and returns false if it is
// malformed. Neither name may be compressed (RFC 8945 §4.2).
func (s *tsig) read(owner, data []byte) bool {
	size := nameSize(data)
	if nameSize(owner) != len(owner) || size < 0 || len(data) < size+tsigFixed {
		return false
	}
	s.key, s.algorithm, s.times = owner, data[:size], data[size:size+tsigTimes]
	return true
}

// size returns the length of the record that append writes.
func (s *tsig) size() int {
	if s.key == nil {
		return 0
	}
	return len(s.key) + 10 + len(s.algorithm) + tsigFixed + 6
}

// append appends the record of the reply to the query with this id. The reply is
// not signed, because the key is unknown (RFC 8945 §5.2.1).
func (s *tsig) append(b []byte, id uint16) []byte {
	b = append(b, s.key...)
	b = binary.BigEndian.AppendUint16(b, dns.TypeTSIG)
	b = binary.BigEndian.AppendUint16(b, dns.ClassANY)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.algorithm)+tsigFixed+6))
	b = append(b, s.algorithm...)
	b = append(b, s.times...)
	b = binary.BigEndian.AppendUint16(b, 0) // no MAC
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, dns.RcodeBadKey)
	return binary.BigEndian.AppendUint16(b, 0) // no other data
}

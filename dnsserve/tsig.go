package dnsserve

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// The sizes of the fields that follow the name of the algorithm in a TSIG record's
// data (RFC 8945 §4.2).
const (
	tsigTimes = 6 + 2         // time signed, fudge
	tsigFixed = tsigTimes + 2 // and the length of the MAC that follows
	tsigEnd   = 2 + 2 + 2     // after the MAC: original ID, error, length of other data
)

// tsigFudge is the permitted difference of the clocks in seconds (RFC 8945 §10).
const tsigFudge = 300

// signingKey is a compiled TransferKey.
type signingKey struct {
	source    *gatelodge.TransferKey
	algorithm name // the algorithm's
	size      int  // of a MAC
	mac       func() hash.Hash
	views     []string // views with zones that the key may transfer
}

func newSigningKey(source *gatelodge.TransferKey) *signingKey {
	k := &signingKey{source: source, algorithm: wireName(gatelodge.Name(source.Algorithm))}
	h := sha256.New
	switch source.Algorithm {
	case "hmac-sha384":
		h = sha512.New384
	case "hmac-sha512":
		h = sha512.New
	}
	k.size = h().Size()
	k.mac = func() hash.Hash { return hmac.New(h, source.Secret) }
	return k
}

// tsig is the signature of a query (RFC 8945), and the state for signing its replies.
type tsig struct {
	key       []byte // its name, as received; nil: the query is not signed
	algorithm []byte // its name, as received
	times     []byte
	mac       []byte
	id        uint16 // the original one
	end       []byte // error, and other data with its length

	at     int         // where the record begins
	known  *signingKey // nil: there is no such key, or the signature is not from it
	code   uint16      // the TSIG error
	now    uint64      // when the query was received, in Unix time
	prior  []byte      // MAC of the message before in this exchange
	middle bool        // a message of a transfer after the first was signed

	lower [2 * maxName]byte       // the names, in lower case
	out   [tsigTimes + 4 + 6]byte // the times of a reply, and its end
}

// reset drops the signature of the previous query, but keeps the buffer.
func (s *tsig) reset() {
	if s.key != nil {
		*s = tsig{}
	}
}

// read reads the record of this owner and data, which begins at an offset of its
// message, and returns false if it is malformed. Neither name may be compressed
// (RFC 8945 §4.2).
func (s *tsig) read(owner, data []byte, at int) bool {
	size := nameSize(data)
	if nameSize(owner) != len(owner) || size < 0 || len(data) < size+tsigFixed+tsigEnd {
		return false
	}
	macSize := int(binary.BigEndian.Uint16(data[size+tsigTimes:]))
	rest := data[size+tsigFixed:]
	if len(rest) < macSize+tsigEnd {
		return false
	}
	end := rest[macSize+2:]
	if int(binary.BigEndian.Uint16(end[2:])) != len(end)-4 {
		return false
	}
	s.key, s.algorithm, s.times = owner, data[:size], data[size:size+tsigTimes]
	s.mac, s.id, s.end, s.at = rest[:macSize], binary.BigEndian.Uint16(rest[macSize:]), end, at
	return true
}

// verify checks the signature of message, and returns the response code for the error
// (RFC 8945 §5.2).
func (s *tsig) verify(message []byte, keys map[string]*signingKey, now time.Time) (rcode int) {
	s.now = uint64(now.Unix())
	key := s.lower[:copy(s.lower[:], s.key)]
	lower(key)
	k := keys[string(key)]
	algorithm := s.lower[len(key):][:len(s.algorithm)]
	copy(algorithm, s.algorithm)
	lower(algorithm)
	if k == nil || string(algorithm) != string(k.algorithm) {
		s.code = dns.RcodeBadKey
		return dns.RcodeNotAuth
	}
	if len(s.mac) > k.size || len(s.mac) < max(10, k.size/2) {
		return dns.RcodeFormatError // §5.2.2.1
	}
	h := k.mac()
	var header [headerSize]byte
	copy(header[:], message)
	binary.BigEndian.PutUint16(header[:], s.id)
	binary.BigEndian.PutUint16(header[10:], binary.BigEndian.Uint16(message[10:])-1)
	h.Write(header[:])
	h.Write(message[headerSize:s.at])
	writeVariables(h, key, algorithm, s.times, s.end)
	if !hmac.Equal(h.Sum(nil)[:len(s.mac)], s.mac) {
		s.code = dns.RcodeBadSig
		return dns.RcodeNotAuth
	}
	s.known, s.prior = k, s.mac
	signed := uint64(binary.BigEndian.Uint16(s.times))<<32 | uint64(binary.BigEndian.Uint32(s.times[2:]))
	fudge := uint64(binary.BigEndian.Uint16(s.times[6:]))
	switch {
	case s.now > signed+fudge || signed > s.now+fudge:
		s.code = dns.RcodeBadTime
		return dns.RcodeNotAuth
	case len(s.mac) < k.size:
		s.code = dns.RcodeBadTrunc // by policy, truncated signatures are rejected (§5.2.4)
		return dns.RcodeNotAuth
	}
	return dns.RcodeSuccess
}

// by returns the key that signed the query, or nil.
func (s *tsig) by() *signingKey {
	if s.code != 0 {
		return nil
	}
	return s.known
}

// writeVariables writes the fields of a TSIG record that are signed (RFC 8945
// §4.3.3). The names are in lower case.
func writeVariables(h hash.Hash, key, algorithm, times, end []byte) {
	h.Write(key)
	h.Write([]byte{0, dns.ClassANY, 0, 0, 0, 0}) // class, TTL
	h.Write(algorithm)
	h.Write(times)
	h.Write(end)
}

// size returns the length of the record that append writes.
func (s *tsig) size() int {
	if s.key == nil {
		return 0
	}
	n := len(s.key) + 10 + len(s.algorithm) + tsigFixed + tsigEnd
	if s.known != nil {
		n += s.known.size
	}
	if s.code == dns.RcodeBadTime {
		n += 6
	}
	return n
}

// append appends the TSIG record to a reply that is otherwise complete, and counts it.
// The reply is signed if the query has a valid signature of a known key (RFC 8945
// §5.3.2).
func (s *tsig) append(b []byte, id uint16) []byte {
	times := s.out[:tsigTimes]
	if s.known == nil || s.code == dns.RcodeBadTime {
		copy(times, s.times)
	} else {
		binary.BigEndian.PutUint16(times, uint16(s.now>>32))
		binary.BigEndian.PutUint32(times[2:], uint32(s.now))
		binary.BigEndian.PutUint16(times[6:], tsigFudge)
	}
	end := binary.BigEndian.AppendUint16(s.out[tsigTimes:tsigTimes], s.code)
	if s.code == dns.RcodeBadTime { // the server's time (§5.2.3)
		end = binary.BigEndian.AppendUint16(end, 6)
		end = binary.BigEndian.AppendUint16(end, uint16(s.now>>32))
		end = binary.BigEndian.AppendUint32(end, uint32(s.now))
	} else {
		end = binary.BigEndian.AppendUint16(end, 0)
	}
	mac := s.sign(b, times, end)

	b = append(b, s.key...)
	b = binary.BigEndian.AppendUint16(b, dns.TypeTSIG)
	b = binary.BigEndian.AppendUint16(b, dns.ClassANY)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.algorithm)+tsigFixed+len(mac)+2+len(end)))
	b = append(b, s.algorithm...)
	b = append(b, times...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(mac)))
	b = append(b, mac...)
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, end...)
	binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])+1)
	return b
}

// sign returns the MAC of a reply; nil: it is not signed. The first message of a
// transfer is signed like any reply, each further one with the previous MAC and its own
// times (§5.3.1).
func (s *tsig) sign(b, times, end []byte) []byte {
	if s.known == nil {
		return nil
	}
	h := s.known.mac()
	var size [2]byte
	binary.BigEndian.PutUint16(size[:], uint16(len(s.prior)))
	h.Write(size[:])
	h.Write(s.prior)
	h.Write(b)
	if s.middle {
		h.Write(times)
	} else {
		key := s.lower[:len(s.key)]
		writeVariables(h, key, s.lower[len(key):][:len(s.algorithm)], times, end)
	}
	s.prior, s.middle = h.Sum(nil), true
	return s.prior
}

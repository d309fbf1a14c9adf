package dnsserve

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// maxName is the most octets of a name on the wire (RFC 1035 §3.1).
const maxName = 255

// name is a domain name in wire form: labels, each after its length, and the root's
// zero octet at the end. It is never compressed, and in lower case wherever names are
// compared. A nil name means no name.
type name []byte

// packName returns the wire form of a name in master-file form, in lower case.
func packName(s string) (name, error) {
	buf := make([]byte, maxName)
	n, err := dns.PackDomainName(dns.Fqdn(s), buf, 0, nil, false)
	if err != nil {
		return nil, fmt.Errorf("%q is not a valid domain name: %w", s, err)
	}
	lower(buf[:n])
	return name(buf[:n:n]), nil
}

// wireName is packName for a name that is known to be valid.
func wireName(n gatelodge.Name) name {
	wire := make(name, 0, len(n)+2)
	for label := range strings.SplitSeq(string(n), ".") {
		if label != "" {
			wire = append(wire, byte(len(label)))
			wire = append(wire, label...)
		}
	}
	return append(wire, 0)
}

// String is the name in master-file form, ending in a dot.
func (n name) String() string {
	s, _, err := dns.UnpackDomainName(n, 0)
	if err != nil {
		return "?"
	}
	return s
}

// lower converts a name in wire form to lower case. Length octets are below 64, so they
// are never changed.
func lower(n []byte) {
	for i := 0; i+8 <= len(n); i += 8 {
		v := binary.LittleEndian.Uint64(n[i:])
		binary.LittleEndian.PutUint64(n[i:], lower8(v))
	}
	for i := len(n) &^ 7; i < len(n); i++ {
		if c := n[i]; 'A' <= c && c <= 'Z' {
			n[i] = c | 0x20
		}
	}
}

// lower8 is lower for eight octets at once. An octet's top bit, set in above
// where it is "A" or more and in beyond where it is more than "Z", becomes the
// bit that marks a small letter; octets over 127 are left alone.
func lower8(v uint64) uint64 {
	const ones = 0x0101010101010101
	ascii := v &^ (0x80 * ones)
	above := ascii + (0x80-'A')*ones
	beyond := ascii + (0x80-'Z'-1)*ones
	return v | (above&^beyond&^v&(0x80*ones))>>2
}

// labels are the offsets of a name's labels, without the root's.
type labels struct {
	at [128]uint8
	n  int
}

// split finds the labels of a well-formed name.
func (l *labels) split(n name) {
	l.n = 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		l.at[l.n] = uint8(i)
		l.n++
	}
}

// suffix returns n, whose labels these are, without its first labels, this many.
func (l *labels) suffix(n name, without int) name {
	if without == l.n {
		return n[len(n)-1:] // the root
	}
	return n[l.at[without]:]
}

// label returns the octets of the label at offset at.
func (n name) label(at uint8) []byte {
	return n[int(at)+1 : int(at)+1+int(n[at])]
}

// within reports whether n is zone or a name below it.
func (n name) within(zone name) bool {
	at := len(n) - len(zone)
	if at < 0 || string(n[at:]) != string(zone) {
		return false
	}
	i := 0
	for i < at { // the match must begin at a label
		i += int(n[i]) + 1
	}
	return i == at
}

package caa

import (
	"errors"
	"fmt"
	"strings"

	"gatelodge.dev"
)

// Record is a CAA record.
type Record struct {
	Owner    gatelodge.Name // where it stands
	Flags    uint8
	Tag      string // in lower case
	Value    string
	Critical bool // a CA that does not know the tag must not issue (RFC 8659 §4.1)
}

const criticalFlag = 0x80

var errMalformed = errors.New("a CAA record that is not valid")

// parseRecord reads RDATA (RFC 8659 §4.1).
func parseRecord(owner gatelodge.Name, data []byte) (Record, error) {
	if len(data) < 2 {
		return Record{}, errMalformed
	}
	length := int(data[1])
	if length == 0 || len(data) < 2+length {
		return Record{}, errMalformed
	}
	r := Record{
		Owner: owner, Flags: data[0], Critical: data[0]&criticalFlag != 0,
		Tag: strings.ToLower(string(data[2 : 2+length])), Value: string(data[2+length:]),
	}
	for _, c := range []byte(r.Tag) {
		if !isAlphanumeric(c) {
			return Record{}, errMalformed
		}
	}
	return r, nil
}

// String returns the record as in a zone file. Its text is of limited length,
// because it stands in messages and other people write it.
func (r Record) String() string {
	const most = 120
	value := r.Value
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return fmt.Sprintf("%d %s %q", r.Flags, r.Tag, value)
}

// issuer is the value of an issue or issuewild record (RFC 8659 §4.2).
type issuer struct {
	name       string // in lower case; "": no CA
	parameters []parameter
}

type parameter struct{ tag, value string }

// parseIssuer reads the value of an issue or issuewild record. One that is not
// valid names no CA, as §4.2 wants.
func parseIssuer(value string) issuer {
	name, rest, more := strings.Cut(value, ";")
	i := issuer{name: strings.ToLower(trim(name))}
	if i.name != "" && !isIssuerName(i.name) {
		return issuer{}
	}
	if !more || trim(rest) == "" {
		return i
	}
	for text := range strings.SplitSeq(rest, ";") {
		tag, value, found := strings.Cut(text, "=")
		p := parameter{strings.ToLower(trim(tag)), trim(value)}
		if !found || !isLabel(p.tag) || strings.ContainsFunc(p.value, func(c rune) bool { return c < 0x21 || c > 0x7E }) {
			return issuer{}
		}
		i.parameters = append(i.parameters, p)
	}
	return i
}

// values returns the values of a parameter.
func (i issuer) values(tag string) (list []string) {
	for _, p := range i.parameters {
		if p.tag == tag {
			list = append(list, p.value)
		}
	}
	return list
}

func trim(s string) string { return strings.Trim(s, " \t") }

func isIssuerName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// isLabel reports whether s, in lower case, consists of letters and digits, with
// hyphens between them.
func isLabel(s string) bool {
	for i, c := range []byte(s) {
		if !isAlphanumeric(c) && (c != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

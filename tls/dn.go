package tls

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
)

// attributeNames are OpenSSL's short names for the attribute types that
// certificates of people and machines use. pkix.RDNSequence.String knows fewer;
// a backend that moves from nginx compares the text.
var attributeNames = map[string]string{
	"2.5.4.3":                    "CN",
	"2.5.4.4":                    "SN",
	"2.5.4.5":                    "serialNumber",
	"2.5.4.6":                    "C",
	"2.5.4.7":                    "L",
	"2.5.4.8":                    "ST",
	"2.5.4.9":                    "street",
	"2.5.4.10":                   "O",
	"2.5.4.11":                   "OU",
	"2.5.4.12":                   "title",
	"2.5.4.17":                   "postalCode",
	"2.5.4.42":                   "GN",
	"2.5.4.46":                   "dnQualifier",
	"2.5.4.97":                   "organizationIdentifier",
	"0.9.2342.19200300.100.1.1":  "UID",
	"0.9.2342.19200300.100.1.25": "DC",
	"1.2.840.113549.1.9.1":       "emailAddress",
}

// distinguishedName formats a name as RFC 2253 says, the last part first. The
// result is printable: other bytes are escaped in hexadecimal.
func distinguishedName(der []byte) string {
	var parts pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return "" // crypto/x509 has read it, so this does not happen
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		if i < len(parts)-1 {
			b.WriteByte(',')
		}
		for j, attribute := range parts[i] {
			if j > 0 {
				b.WriteByte('+')
			}
			kind := attribute.Type.String()
			value, isText := attribute.Value.(string)
			switch name := attributeNames[kind]; {
			case name != "" && isText:
				b.WriteString(name)
				b.WriteByte('=')
				writeEscaped(&b, value)
			case name != "":
				fmt.Fprintf(&b, "%s=%s", name, hexValue(attribute.Value))
			default: // RFC 2253 §2.4: without a name for the type, write the value's encoding
				fmt.Fprintf(&b, "%s=%s", kind, hexValue(attribute.Value))
			}
		}
	}
	return b.String()
}

// hexValue returns the encoding of a value that is not text or has an unknown
// type.
func hexValue(value any) string {
	der, err := asn1.Marshal(value)
	if err != nil {
		return "#"
	}
	return "#" + hex.EncodeToString(der)
}

// writeEscaped writes a value with everything escaped that could be taken for
// the end of it (RFC 2253 §2.4).
func writeEscaped(b *strings.Builder, value string) {
	for i := range len(value) {
		c := value[i]
		switch {
		case strings.IndexByte(`,+"\<>;`, c) >= 0,
			c == '#' && i == 0,
			c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(b, `\%02X`, c)
		default:
			b.WriteByte(c)
		}
	}
}

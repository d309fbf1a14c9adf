package tls

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
)

// attributeName is the short name that OpenSSL has for an attribute which
// certificates of people and machines use, and "" for others.
// pkix.RDNSequence.String knows fewer of them; a backend that moves from nginx
// compares the text.
func attributeName(kind string) string {
	switch kind {
	case "2.5.4.3":
		return "CN"
	case "2.5.4.4":
		return "SN"
	case "2.5.4.5":
		return "serialNumber"
	case "2.5.4.6":
		return "C"
	case "2.5.4.7":
		return "L"
	case "2.5.4.8":
		return "ST"
	case "2.5.4.9":
		return "street"
	case "2.5.4.10":
		return "O"
	case "2.5.4.11":
		return "OU"
	case "2.5.4.12":
		return "title"
	case "2.5.4.17":
		return "postalCode"
	case "2.5.4.42":
		return "GN"
	case "2.5.4.46":
		return "dnQualifier"
	case "2.5.4.97":
		return "organizationIdentifier"
	case "0.9.2342.19200300.100.1.1":
		return "UID"
	case "0.9.2342.19200300.100.1.25":
		return "DC"
	case "1.2.840.113549.1.9.1":
		return "emailAddress"
	}
	return ""
}

// distinguishedName writes a name as RFC 2253 has it, the last part first. It
// is printable: what is not is written as hexadecimal pairs.
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
			switch name := attributeName(kind); {
			case name != "" && isText:
				b.WriteString(name)
				b.WriteByte('=')
				writeEscaped(&b, value)
			case name != "":
				fmt.Fprintf(&b, "%s=%s", name, hexValue(attribute.Value))
			default: // RFC 2253 §2.4: the value of an attribute without a name is its encoding
				fmt.Fprintf(&b, "%s=%s", kind, hexValue(attribute.Value))
			}
		}
	}
	return b.String()
}

// hexValue is the encoding of a value that is no text, or whose meaning is not
// known.
func hexValue(value any) string {
	der, err := asn1.Marshal(value)
	if err != nil {
		return "#"
	}
	return "#" + hex.EncodeToString(der)
}

// writeEscaped writes a value so that nothing in it looks like the end of it
// (RFC 2253 §2.4).
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

package syntax

import (
	"strings"

	gatelodge "gatelodge.dev"
)

// Mailbox returns the domain name that stands for an e-mail address in SOA and RP
// records, in master-file form, false if it is not a valid one: the "@" is a dot, and dots before it are escaped
// (RFC 1035 §8). The part before the "@" is one label, so it has at most 63 octets.
func Mailbox(address string) (name string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at > 0 && at <= 63 && IsLocalPart(address[:at]) && len(address) <= gatelodge.MaxNameLength {
		if domain, err := gatelodge.ParseName(address[at+1:]); err == nil && !domain.IsWildcard() {
			return strings.ReplaceAll(address[:at], ".", `\.`) + "." + string(domain), true
		}
	}
	return "", false
}

// IsLocalPart reports whether s is valid before the "@" of an email address
// without quotes (RFC 5322 §3.2.3, dot-atom).
func IsLocalPart(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for _, c := range []byte(atom) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			case strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0:
			default:
				return false
			}
		}
	}
	return true
}

package coding

import (
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// Choose returns the coding for a request by its Accept-Encoding fields (RFC 9110
// §12.5.3), or "" for an uncompressed answer. The codings are in order of preference.
// Malformed items are ignored.
func Choose(header exchange.Fields, codings []gatelodge.Coding) gatelodge.Coding {
	best, weight := gatelodge.Coding(""), weightOf(header, "identity", 1) // worth more than none, if it isn't listed
	for _, one := range codings {
		w := weightOf(header, string(one), 0)
		if w > weight {
			best, weight = one, w
		}
	}
	return best
}

// weightOf returns the weight of a coding in thousandths, plus one: 1 is "not
// acceptable". absent is the result for a coding that neither is listed nor matched by
// "*".
func weightOf(header exchange.Fields, name string, absent int) int {
	any := absent
	for i := range header {
		if header[i].Name != "accept-encoding" {
			continue
		}
		for item := range strings.SplitSeq(header[i].Value, ",") {
			listed, parameter, weighted := strings.Cut(item, ";")
			listed = strings.Trim(listed, " \t")
			if len(listed) == len("x-gzip") && strings.EqualFold(listed, "x-gzip") {
				listed = "gzip"
			}
			named := strings.EqualFold(listed, name)
			if !named && (listed != "*" || name == "identity") {
				continue
			}
			weight := 1000
			if weighted {
				var ok bool
				if weight, ok = parseWeight(strings.Trim(parameter, " \t")); !ok {
					continue
				}
			}
			if named {
				return weight + 1
			}
			any = weight + 1
		}
	}
	return any
}

// parseWeight reads a weight such as "q=0.5", in thousandths (RFC 9110 §12.4.2).
func parseWeight(s string) (int, bool) {
	if len(s) < 3 || s[0]|0x20 != 'q' || s[1] != '=' || s[2] != '0' && s[2] != '1' {
		return 0, false
	}
	weight := int(s[2]-'0') * 1000
	s = s[3:]
	if s == "" {
		return weight, true
	}
	if s[0] != '.' || len(s) > 4 {
		return 0, false
	}
	for i, unit := 1, 100; i < len(s); i, unit = i+1, unit/10 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		weight += int(s[i]-'0') * unit
	}
	return weight, weight <= 1000
}

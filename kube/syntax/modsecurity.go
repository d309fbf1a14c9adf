package syntax

import "strings"

// BlocksByModSecurity reports whether rules of ModSecurity refuse requests. With the
// configuration that ingress-nginx brings it only detects, and passes all of them.
func BlocksByModSecurity(rules string) bool {
	for line := range strings.Lines(rules) {
		words := strings.Fields(line)
		if len(words) > 1 && strings.EqualFold(words[0], "SecRuleEngine") && strings.EqualFold(strings.Trim(words[1], `"';`), "On") {
			return true
		}
	}
	return false
}

package syntax

import (
	"regexp"
	"slices"
	"strings"
)

// BlocksByModSecurity returns the text that makes rules of ModSecurity refuse requests,
// or may do so, and "" if they only detect, as the configuration that ingress-nginx
// brings does. Rules are searched and not parsed: ModSecurity takes them in many
// spellings, and what is overlooked would be served unprotected. So only comments are
// left out, and of what is written twice the stricter counts.
func BlocksByModSecurity(rules string) string {
	rules = withoutComments(rules)
	for _, found := range ruleEngine.FindAllStringSubmatch(rules, -1) {
		if state := found[1]; !strings.EqualFold(state, "Off") && !strings.EqualFold(state, "DetectionOnly") {
			return strings.Join(strings.Fields(found[0]), " ")
		}
	}
	for _, found := range rulesFile.FindAllStringSubmatch(rules, -1) {
		if !slices.Contains(detectingFiles, found[1]) {
			return strings.Join(strings.Fields(found[0]), " ")
		}
	}
	return ""
}

var (
	// The directive SecRuleEngine, and the action ctl:ruleEngine.
	ruleEngine = regexp.MustCompile(`(?i)[a-z:]*ruleengine[\s"'\\;:=]*(\w*)`)
	// What reads further rules, from a file or a URL.
	rulesFile = regexp.MustCompile(`(?i)\b(?:include|includeoptional|secremoterules|modsecurity_rules_file|modsecurity_rules_remote)\b["']?\s+["'\\]*([^\s"'\\;]+)`)
)

// detectingFiles are those of ingress-nginx's image that let every request pass. Others
// are the operator's, and not seen from here.
var detectingFiles = []string{
	"/etc/nginx/modsecurity/modsecurity.conf",
	"/etc/nginx/owasp-modsecurity-crs/crs-setup.conf",
	"/etc/nginx/owasp-modsecurity-crs/nginx-modsecurity.conf",
	"/etc/nginx/owasp-modsecurity-crs/rules/*.conf",
}

// withoutComments leaves out the lines that are comments, and joins those that a
// backslash continues.
func withoutComments(rules string) string {
	var text strings.Builder
	continued := false
	for line := range strings.Lines(rules) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") && !continued {
			continue
		}
		line, continued = strings.CutSuffix(line, `\`)
		text.WriteString(line)
		if !continued {
			text.WriteByte('\n')
		}
	}
	return text.String()
}

package syntax

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed nginx115.txt
var nginx115 string

// Nginx115 lists the annotations that ingress-nginx 1.15 reads, older names
// included, by docs/user-guide/nginx-configuration/annotations-risk.md and
// internal/ingress/annotations.
func Nginx115() []string { return strings.Fields(nginx115) }

var nginx115Names = sync.OnceValue(func() map[string]bool {
	names := make(map[string]bool)
	for _, name := range Nginx115() {
		names[name] = true
	}
	return names
})

// IsNginx115 reports whether ingress-nginx 1.15 reads an annotation of this name.
func IsNginx115(name string) bool { return nginx115Names()[name] }

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

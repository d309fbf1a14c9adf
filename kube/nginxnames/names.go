// Package nginxnames knows the names of ingress-nginx's annotations: those that it
// reads, those of them that are not honoured here, and those that people write although
// ingress-nginx does not read them. It does not know what an annotation that is honoured
// asks for, which package annotations does.
package nginxnames

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed nginx115.txt
var nginx115 string

// All lists the annotations that ingress-nginx 1.15 reads, older names
// included, by docs/user-guide/nginx-configuration/annotations-risk.md and
// internal/ingress/annotations.
func All() []string { return strings.Fields(nginx115) }

var byName = sync.OnceValue(func() map[string]bool {
	names := make(map[string]bool)
	for _, name := range All() {
		names[name] = true
	}
	return names
})

// Has reports whether ingress-nginx 1.15 reads an annotation of this name.
func Has(name string) bool { return byName()[name] }

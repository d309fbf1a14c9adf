package syntax

import (
	"fmt"
	"strings"
)

// patternIn finds what makes a path read like the pattern of another controller: a
// "*" of ALB, GKE or Traefik 1, a regular expression of ingress-nginx, Kong or
// Traefik, or a parameter such as "/:id" or "/{id}". It returns where that begins;
// -1 for none. What URLs really have, such as "/$batch" and "/items(1)", is none.
func patternIn(path string) int {
	at := strings.IndexAny(path, `*^|[]{}`)
	first := func(i int) {
		if i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	for _, sign := range []string{".+", "(?", "?(", "/:", `\`} {
		first(strings.Index(path, sign))
	}
	if strings.HasPrefix(path, "/~/") { // of Kong
		first(1)
	}
	if strings.HasSuffix(path, "$") {
		first(len(path) - 1)
	}
	return at
}

// InsteadOfPattern completes the message about a path that is a pattern, and is empty
// for all others.
func InsteadOfPattern(path string) string {
	from := strings.TrimLeft(path, "^~* ") // as in a location of nginx
	at := patternIn(from)
	switch {
	case !strings.HasPrefix(from, "/") || at < 0 && from == path:
		return ""
	case at < 0:
		at = len(from)
	}
	plain, pathType := plainPath(from, at)
	return fmt.Sprintf("; it looks like a pattern of another controller, write %q with pathType %s instead, or set the annotation use-regex", plain, pathType)
}

// plainPath is what to write in place of a pattern: the longest path of whole
// elements before it, and the type that comes closest to what was meant.
func plainPath(path string, pattern int) (plain, pathType string) {
	if group := strings.IndexByte(path, '('); group >= 0 {
		pattern = min(pattern, group)
	}
	plain = strings.TrimRight(path[:pattern], ".?")
	rest := path[len(plain):]
	whole := strings.HasSuffix(plain, "/") || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "(/") || strings.Trim(rest, ".*+()$") == ""
	if !whole {
		plain = plain[:strings.LastIndexByte(plain, '/')]
	}
	if plain = strings.TrimSuffix(plain, "/"); plain == "" {
		plain = "/"
	}
	if rest == "$" {
		return plain, "Exact"
	}
	return plain, "Prefix"
}

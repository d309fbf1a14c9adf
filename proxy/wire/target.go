package wire

import (
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// CheckTarget returns an error for a request target with a character that none may
// contain.
func CheckTarget(target string) error {
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '#' {
			return Badf("request target: it has the character 0x%02x", c)
		}
	}
	return nil
}

// SplitTarget stores a target in ex, whose Method is set: in origin form,
// "/path?query", or the asterisk of OPTIONS (RFC 9112 §3.2.1, RFC 9113 §8.3.1).
func SplitTarget(ex *exchange.Exchange, target string) error {
	if target == "*" && ex.Method == "OPTIONS" {
		ex.Path = target
		return nil
	}
	if target == "" || target[0] != '/' {
		return Badf("request target %q: expected a path", target[:min(len(target), 64)])
	}
	path, _, query := strings.Cut(target, "?")
	ex.Path = path
	if query {
		ex.Query = target[len(path):]
	}
	if !escapesWell(path) {
		return Badf("request target: a %% in the path is not followed by two hexadecimal digits")
	}
	return nil
}

// escapesWell reports whether every % of a path starts an escape (RFC 3986 §2.1).
func escapesWell(path string) bool {
	for {
		i := strings.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 || !IsHex(path[i+1]) || !IsHex(path[i+2]) {
			return false
		}
		path = path[i+3:]
	}
}

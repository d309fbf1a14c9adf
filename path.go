package gatelodge

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// The errors of CanonicalPath and RoutePath complete a sentence that begins with
// the path. Clients and authors of routes read them.
var (
	errPathStart     = errors.New(`does not start with "/"`)
	errPathZero      = errors.New("holds a zero byte, which no request may")
	errPathBackslash = errors.New("holds a backslash, which no request may")
	errPathBlank     = errors.New("holds a space or a control character, which no request may")
	errPathDots      = errors.New("hides a dot segment behind an encoded slash or backslash, which no request may")
)

// CanonicalPath returns the form of a request's path that is matched and forwarded,
// so that a backend can't read a different path than the one that selected the
// route and its policies. Unreserved characters are decoded (RFC 3986 §2.3,
// §6.2.2.2), dot segments are removed (§5.2.4), and everything else stays byte for
// byte. It does not allocate if path is already canonical.
//
// %2F never separates elements. CanonicalPath returns an error if no request may
// have the path: because it is malformed, or because a backend that treats %2F or
// %5C as a separator would find a dot segment.
func CanonicalPath(path string) (string, error) {
	if path == "" || path[0] != '/' {
		return "", errPathStart
	}
	clean := true
	for i := range len(path) {
		switch c := path[i]; {
		case c <= ' ' || c == 0x7f:
			return "", errPathBlank
		case c == '\\':
			return "", errPathBackslash
		case c == '#' || c == '?':
			return "", endOfPath(c)
		case c == '%', c == '.' && path[i-1] == '/':
			clean = false // may need changes; the slow path decides
		}
	}
	if clean {
		return path, nil
	}
	decoded, err := decodeUnreserved(path)
	if err != nil {
		return "", err
	}
	for segment := range strings.SplitSeq(decoded[1:], "/") {
		if hidesDots(segment) {
			return "", errPathDots
		}
	}
	return removeDotSegments(decoded), nil
}

// RoutePath returns the path of a Route in the form that is compared with requests:
// PathForm without dot segments. Authors may therefore write paths unescaped. It
// returns an error if no request can have the path.
func RoutePath(path string) (string, error) {
	for i := range len(path) {
		switch c := path[i]; {
		case c == 0:
			return "", errPathZero
		case c == '\\':
			return "", errPathBackslash
		case c == '#' || c == '?':
			return "", endOfPath(c)
		case c == '%' && !isEscape(path[i:]):
			return "", badEscape(i)
		}
	}
	return CanonicalPath(PathForm(path))
}

// PathForm returns the one form in which paths of requests and Routes are compared,
// however they were written: characters that may stand unescaped in a path (RFC
// 3986 §3.3) are unescaped, and every other byte is escaped with upper-case digits
// (§6.2.2.1). Backends decode paths, so the way a path is escaped must not let it
// evade a route and its policy.
//
// An escaped slash stays escaped and separates nothing; dot segments are kept.
// PathForm does not allocate if path is already in this form.
func PathForm(path string) string {
	var out []byte // nil until something has to be replaced
	for i := 0; i < len(path); i++ {
		c, width := path[i], 1
		if c == '%' && isEscape(path[i:]) {
			c, width = unescape(path[i:]), 3
		}
		const digits = "0123456789ABCDEF"
		escape := [3]byte{'%', digits[c>>4], digits[c&15]}
		form := escape[:]
		if staysInPath(c) && !(c == '/' && width == 3) {
			form = escape[:1]
			form[0] = c
		}
		if out == nil && path[i:i+width] != string(form) {
			out = append(make([]byte, 0, len(path)+2), path[:i]...)
		}
		if out != nil {
			out = append(out, form...)
		}
		i += width - 1
	}
	if out == nil {
		return path
	}
	return string(out)
}

// PatternForm returns the form of a path that a PathPattern is matched against:
// decoded, as people read it, except for bytes that would have another meaning in
// an unescaped path or can't be printed. It does not allocate if there is nothing
// to decode. RewrittenPath is the inverse.
func PatternForm(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && isEscape(path[i:]) {
			if c := unescape(path[i:]); c > ' ' && c != 0x7f && strings.IndexByte(`/%?#\\`, c) < 0 || c == ' ' {
				out = append(out, c)
			} else {
				out = append(out, path[i:i+3]...)
			}
			i += 2
			continue
		}
		out = append(out, path[i])
	}
	return string(out)
}

// RewrittenPath returns a path produced by a Rewrite in the form in which it is
// sent: canonical, with everything escaped that may not stand in a path.
func RewrittenPath(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return CanonicalPath(PathForm(path))
}

// staysInPath reports whether c may stand in a path unescaped: it is a slash or a
// pchar (RFC 3986 §3.3).
func staysInPath(c byte) bool {
	switch c {
	case '/', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '@':
		return true
	}
	return isUnreserved(c)
}

// decodeUnreserved decodes escaped unreserved characters, whose meaning does not
// depend on the escape.
func decodeUnreserved(path string) (string, error) {
	var out []byte // nil until something has to be replaced
	for i := 0; i < len(path); i++ {
		width, c := 1, path[i]
		if c == '%' {
			if !isEscape(path[i:]) {
				return "", badEscape(i)
			}
			width, c = 3, unescape(path[i:])
		}
		switch {
		case c == 0:
			return "", errPathZero
		case width == 3 && isUnreserved(c):
			if out == nil {
				out = append(make([]byte, 0, len(path)), path[:i]...)
			}
			out = append(out, c)
		case out != nil:
			out = append(out, path[i:i+width]...)
		}
		i += width - 1
	}
	if out == nil {
		return path, nil
	}
	return string(out), nil
}

// removeDotSegments removes "." and ".." from a path that starts with "/" (RFC 3986
// §5.2.4). A ".." at the root stays at the root.
func removeDotSegments(path string) string {
	if !hasDotSegment(path) {
		return path
	}
	out := make([]byte, 0, len(path))
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch segment {
		case ".", "..":
			if segment == ".." {
				out = out[:max(bytes.LastIndexByte(out, '/'), 0)]
			}
			if !more { // the last element: keep the trailing slash
				out = append(out, '/')
			}
		default:
			out = append(append(out, '/'), segment...)
		}
	}
	return string(out)
}

func hasDotSegment(path string) bool {
	if !strings.Contains(path, "/.") {
		return false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// hidesDots reports whether decoding %2F and %5C would reveal a dot segment in
// segment.
func hidesDots(segment string) bool {
	part, rest, found := cutSeparator(segment)
	if !found {
		return false // a plain dot segment is not hidden
	}
	for {
		if part == "." || part == ".." {
			return true
		}
		if !found {
			return false
		}
		part, rest, found = cutSeparator(rest)
	}
}

// cutSeparator cuts s around its first encoded slash or backslash.
func cutSeparator(s string) (before, after string, found bool) {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' && (s[i+1] == '2' && s[i+2]|0x20 == 'f' || s[i+1] == '5' && s[i+2]|0x20 == 'c') {
			return s[:i], s[i+3:], true
		}
	}
	return s, "", false
}

func endOfPath(c byte) error { return fmt.Errorf("holds %q, which ends the path of a URL", c) }

func badEscape(at int) error {
	return fmt.Errorf(`has "%%" at byte %d without two hexadecimal digits after it`, at+1)
}

// isUnreserved reports whether c means the same escaped and unescaped (RFC 3986
// §2.3).
func isUnreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}

// isEscape reports whether s, which starts with "%", continues with two hexadecimal
// digits.
func isEscape(s string) bool {
	return len(s) > 2 && unhex(s[1]) >= 0 && unhex(s[2]) >= 0
}

// unescape returns the byte that the escape at the start of s stands for.
func unescape(s string) byte { return byte(unhex(s[1])<<4 | unhex(s[2])) }

// unhex returns the value of a hexadecimal digit, or -1 for another character.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

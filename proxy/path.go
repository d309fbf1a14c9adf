package proxy

import (
	"bytes"
	"errors"
	"strings"
)

// Errors of canonicalPath, each a sentence for the client.
var (
	errPathStart  = errors.New("the path does not start with a slash")
	errPathEscape = errors.New("the path has a percent sign without two hexadecimal digits")
	errPathNUL    = errors.New("the path has an encoded NUL")
	errPathByte   = errors.New("the path has a character that belongs in no path")
	errPathDots   = errors.New("the path hides a dot segment behind an encoded slash")
)

// canonicalPath returns the form of a path that is matched and then forwarded,
// so that a backend can't read another path than the one that a route and its
// policies were chosen by: unreserved characters are decoded (RFC 3986 §2.3,
// §6.2.2.2), dot segments removed (§5.2.4), and all else stays byte for byte.
// %2F never separates; a path in which a backend that takes it, or %5C, for a
// separator would find a dot segment is an error. It does not allocate where
// the path is canonical.
func canonicalPath(path string) (string, error) {
	if path == "" || path[0] != '/' {
		return "", errPathStart
	}
	clean := true
	for i := range len(path) {
		switch c := path[i]; {
		case c <= ' ' || c == 0x7f || c == '\\' || c == '#' || c == '?':
			return "", errPathByte
		case c == '%', c == '.' && path[i-1] == '/':
			clean = false // perhaps: the long way tells
		}
	}
	if clean {
		return path, nil
	}
	decoded, err := decodeUnreserved(path)
	if err != nil {
		return "", err
	}
	return removeDotSegments(decoded)
}

// decodeUnreserved replaces the escapes that need not be: they mean the same
// as the character itself.
func decodeUnreserved(path string) (string, error) {
	var out []byte // nil as long as nothing is to be replaced
	for i := 0; i < len(path); i++ {
		width, c := 1, path[i]
		if c == '%' {
			if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
				return "", errPathEscape
			}
			width, c = 3, byte(unhex(path[i+1])<<4|unhex(path[i+2]))
		}
		switch {
		case c == 0:
			return "", errPathNUL
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

// removeDotSegments takes "." and ".." out, element by element. What would lead
// above the root stays at the root.
func removeDotSegments(path string) (string, error) {
	dots := false
	for segment := range strings.SplitSeq(path[1:], "/") {
		if hidesDots(segment) {
			return "", errPathDots
		}
		dots = dots || segment == "." || segment == ".."
	}
	if !dots {
		return path, nil
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
			if !more { // the directory itself: with its slash
				out = append(out, '/')
			}
		default:
			out = append(append(out, '/'), segment...)
		}
	}
	return string(out), nil
}

// hidesDots tells whether a segment would have a dot segment in it, were %2F
// and %5C decoded.
func hidesDots(segment string) bool {
	part, rest, found := cutSeparator(segment)
	if !found {
		return false // a dot segment in the open is not hidden
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

// isUnreserved tells whether c means the same with and without encoding (RFC
// 3986 §2.3).
func isUnreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}

// unhex returns the value of a hexadecimal digit, -1 for another character.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

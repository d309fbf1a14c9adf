package intent

import (
	"errors"
	"fmt"
	"strings"

	gatelodge "gatelodge.dev"
)

// CanonicalPath brings the path of a rule into the form that the path of a
// request has when routes are compared with it: dot segments are removed (RFC
// 3986 §5.2.4), and the rest has the form of gatelodge.PathForm. Authors may
// therefore write a path as they read it.
//
// An error means that no request can have the path.
func CanonicalPath(path string) (string, error) {
	if !strings.HasPrefix(path, "/") {
		return "", errors.New(`does not start with "/"`)
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '%':
			decoded, ok := unhex(path[i+1:])
			switch {
			case !ok:
				return "", fmt.Errorf(`has "%%" at byte %d without two hexadecimal digits after it`, i+1)
			case decoded == 0:
				return "", errors.New("holds a zero byte, which no request may")
			case isUnreserved(decoded):
				b.WriteByte(decoded) // it may be part of a dot segment
			default:
				b.WriteString(path[i : i+3])
			}
			i += 2
		case c == '?' || c == '#':
			return "", fmt.Errorf("holds %q, which ends the path of a URL", c)
		case c == '\\':
			return "", errors.New("holds a backslash, which no request may")
		case c == 0:
			return "", errors.New("holds a zero byte, which no request may")
		default:
			b.WriteByte(c)
		}
	}
	canonical := removeDotSegments(b.String())
	if hidesDotSegment(canonical) {
		return "", errors.New("hides a dot segment behind an encoded slash or backslash, which no request may")
	}
	return gatelodge.PathForm(canonical), nil
}

// hidesDotSegment tells whether there is a dot segment for who decodes slashes
// and backslashes first. In the open there is none left.
func hidesDotSegment(path string) bool {
	if !strings.Contains(path, "%") {
		return false
	}
	decoded := strings.NewReplacer("%2F", "/", "%2f", "/", "%5C", "/", "%5c", "/").Replace(path)
	return decoded != removeDotSegments(decoded)
}

// removeDotSegments is RFC 3986 §5.2.4 for a path that starts with "/".
func removeDotSegments(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// unhex decodes the two hexadecimal digits that s starts with.
func unhex(s string) (byte, bool) {
	if len(s) < 2 {
		return 0, false
	}
	hi, ok1 := hexDigit(s[0])
	lo, ok2 := hexDigit(s[1])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

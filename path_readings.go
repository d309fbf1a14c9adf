package gatelodge

import (
	"errors"
	"slices"
	"strings"
)

// The bounds of OtherReadings. Paths that people ask for have a handful of
// readings; a path with more is an attempt to get around a protection.
const (
	maxReadings     = 64
	maxReadingBytes = 512 << 10
)

var errReadings = errors.New("can be read in too many ways")

// OtherReadings calls visit with what other software may take path for, until
// visit returns false: empty elements merged, an encoded slash or backslash
// taken for a slash, escapes decoded once more, parameters (";" to the end of
// an element) left out, and dot segments that this leads to removed, one after
// the other in every order. What backends, and the frameworks in them, do to a
// path before they look at it differs in just these.
//
// path has the form of PathForm and no dot segments, and so have the readings
// their form. A path that everybody reads alike costs a look at its octets. An
// error continues a sentence that begins with the path.
func OtherReadings(path string, visit func(reading string) bool) error {
	if isPlain(path) {
		return nil
	}
	readings, octets := []string{path}, 0
	for i := 0; i < len(readings); i++ {
		for _, read := range waysToRead {
			other := read(readings[i])
			if slices.Contains(readings, other) {
				continue
			}
			if !visit(other) {
				return nil
			}
			octets += len(other)
			readings = append(readings, other)
			if len(readings) > maxReadings || octets > maxReadingBytes {
				return errReadings
			}
		}
	}
	return nil
}

// isPlain reports whether a path holds nothing that any of waysToRead changes.
func isPlain(path string) bool {
	for i := range len(path) {
		switch path[i] {
		case ';':
			return false
		case '/':
			if i > 0 && path[i-1] == '/' {
				return false
			}
		case '%':
			switch path[i+1 : i+3] { // PathForm saw to it that they are there
			case "2F", "5C", "25":
				return false
			}
		}
	}
	return true
}

var waysToRead = []func(string) string{
	withoutParameters,
	func(path string) string { return replace(path, "%2F", "/") },
	func(path string) string { return replace(path, "%5C", "/") },
	decodeAgain,
	mergeSlashes,
	removeDotSegments,
}

func replace(path, old, by string) string { return strings.ReplaceAll(path, old, by) }

// withoutParameters leaves out what follows a semicolon in each element,
// as servlet containers do (RFC 3986 §3.3 leaves it to them).
func withoutParameters(path string) string {
	if strings.IndexByte(path, ';') < 0 {
		return path
	}
	out := make([]byte, 0, len(path))
	inside := false
	for i := range len(path) {
		switch c := path[i]; {
		case c == '/':
			inside = false
			out = append(out, c)
		case c == ';':
			inside = true
		case !inside:
			out = append(out, c)
		}
	}
	return string(out)
}

// decodeAgain is the path for software that decodes once more than it should:
// "%252F" is "%2F".
func decodeAgain(path string) string {
	if !strings.Contains(path, "%25") {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		out = append(out, path[i])
		if rest := path[i:]; strings.HasPrefix(rest, "%25") && len(rest) >= 5 && unhex(rest[3]) >= 0 && unhex(rest[4]) >= 0 {
			out = append(out, rest[3], rest[4])
			i += 4
		}
	}
	return PathForm(string(out))
}

func mergeSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			out = append(out, path[i])
		}
	}
	return string(out)
}

package gatelodge

import (
	"errors"
	"slices"
	"strings"
)

// Bounds of OtherReadings. Ordinary paths have a handful of readings; a path with
// more is an attempt to evade a protection.
const (
	maxReadings     = 64
	maxReadingBytes = 512 << 10
)

var errReadings = errors.New("can be read in too many ways")

// OtherReadings calls visit with each path that other software may take path for,
// until visit returns false. Backends and frameworks differ in whether they merge
// empty elements, treat an encoded slash or backslash as a slash, decode escapes a
// second time, or strip parameters (";" to the end of an element), and remove the
// dot segments that result. All of these are applied one after the other, in every
// order.
//
// path must be in PathForm without dot segments, and so is every reading. A path
// with only one reading costs one scan. An error completes a sentence that begins
// with the path.
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

// isPlain reports whether none of waysToRead would change path.
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
			switch path[i+1 : i+3] { // PathForm ensures that both digits are there
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

// withoutParameters strips everything after a semicolon from each element, as
// servlet containers do (RFC 3986 §3.3 leaves this to them).
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

// decodeAgain returns the path as read by software that decodes twice: "%252F"
// becomes "%2F".
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

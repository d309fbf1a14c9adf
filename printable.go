package gatelodge

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns s with everything that could misrepresent the text replaced by
// Go escapes: line breaks and other control characters, invisible and bidirectional
// formatting characters, and bytes that are not UTF-8. Text from clients and from
// users goes through it before a person reads it. It does not allocate if there is
// nothing to escape.
func Printable(s string) string {
	first := strings.IndexFunc(s, isDeceptive)
	if first < 0 {
		return s
	}
	b := append(make([]byte, 0, len(s)+16), s[:first]...)
	for i := first; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, `\x`...)
			b = append(b, hexDigits[s[i]>>4], hexDigits[s[i]&15])
		case isDeceptive(r) && r != utf8.RuneError:
			quoted := strconv.QuoteRuneToASCII(r)
			b = append(b, quoted[1:len(quoted)-1]...)
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return string(b)
}

const hexDigits = "0123456789abcdef"

// isDeceptive reports whether r must be escaped. It returns true for
// utf8.RuneError, which may stand for invalid UTF-8.
func isDeceptive(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// AppendJSON appends s as a JSON string (RFC 8259 §7), escaping whatever Printable
// escapes. Bytes that are not UTF-8 become replacement characters.
func AppendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c < ' ' || c == 0x7f:
				b = appendUnit(b, uint16(c))
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = AppendJSONRune(b, r)
		i += size
	}
	return append(b, '"')
}

// AppendJSONRune appends a rune of JSON text, escaped if it is outside ASCII and
// Printable would escape it. In valid JSON such a rune can only be inside a string.
func AppendJSONRune(b []byte, r rune) []byte {
	if r < ' ' || r == utf8.RuneError || !isDeceptive(r) {
		return utf8.AppendRune(b, r)
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		b = appendUnit(b, uint16(high))
		r = low
	}
	return appendUnit(b, uint16(r))
}

// appendUnit appends the JSON escape of a UTF-16 code unit.
func appendUnit(b []byte, u uint16) []byte {
	return append(b, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

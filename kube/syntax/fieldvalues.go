package syntax

import "strings"

// IsCookieValue reports whether a text can be the value of a cookie's attribute
// (RFC 6265 §4.1.1).
func IsCookieValue(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c >= 0x7f || c == ';' {
			return false
		}
	}
	return true
}

// IsToken reports whether a text is a token (RFC 9110 §5.6.2), as names of header
// fields and of cookies are.
func IsToken(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return text != ""
}

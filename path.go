package gatelodge

// PathForm returns the one form in which the path of a request and that of a
// Route are compared, whichever way either was written: what may stand in a
// path as it is (RFC 3986 §3.3) is not escaped, and every other octet is, with
// upper-case digits (§6.2.2.1). Backends decode a path before they look at it,
// so an escape more or less must not lead past a route and its policy.
//
// An escaped slash stays escaped and separates nothing. Dot segments are not
// looked at, and every "%" must have its two digits. It does not allocate where
// path has the form.
func PathForm(path string) string {
	var out []byte // nil as long as nothing is to be replaced
	for i := 0; i < len(path); i++ {
		c, width := path[i], 1
		if c == '%' && i+2 < len(path) {
			c, width = fromHex(path[i+1])<<4|fromHex(path[i+2]), 3
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

// staysInPath tells whether c stands in a path without being escaped: a slash
// or a pchar (RFC 3986 §3.3).
func staysInPath(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	switch c {
	case '/', '-', '.', '_', '~', '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', ':', '@':
		return true
	}
	return false
}

// fromHex returns the value of a hexadecimal digit.
func fromHex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

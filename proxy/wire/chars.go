package wire

import "strings"

// LowerToken contains the lower-case form of each character that a token may have (RFC
// 9110 §5.6.2), and 0 for every other.
var LowerToken = func() (table [256]byte) {
	for c := '0'; c <= '9'; c++ {
		table[c] = byte(c)
	}
	for c := 'a'; c <= 'z'; c++ {
		table[c], table[c-'a'+'A'] = byte(c), byte(c)
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		table[c] = byte(c)
	}
	return table
}()

// IsToken reports whether s is a token (RFC 9110 §5.6.2).
func IsToken(s string) bool {
	for i := range len(s) {
		if LowerToken[s[i]] == 0 {
			return false
		}
	}
	return s != ""
}

// IsBlank reports whether c is a space or a tab.
func IsBlank(c byte) bool { return c == ' ' || c == '\t' }

// IsControl reports whether c is a character that no field value may contain (RFC 9110
// §5.5).
func IsControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// IsHex reports whether c is a hexadecimal digit.
func IsHex(c byte) bool {
	return IsDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// HasControl reports whether s has a character below the space, a tab included,
// or DEL. Every value passes here twice, so it looks at eight bytes at a time:
// of x-n each byte that was below n has its highest bit set, unless x had.
func HasControl(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if s[i] < ' ' || s[i] == 0x7f {
				return true
			}
		}
		return false
	}
	const each, highest = 0x0101010101010101, 0x8080808080808080
	var found uint64
	for i := 0; ; i += 8 {
		i = min(i, len(s)-8) // the last eight may overlap those before
		x := eight(s[i : i+8])
		del := x ^ each*0x7f
		found |= (x-each*' ')&^x | (del-each)&^del
		if i == len(s)-8 {
			return found&highest != 0
		}
	}
}

// eight returns the first eight bytes of s, in one load.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func hasLineBreak(s string) bool {
	return HasControl(s) && strings.ContainsAny(s, "\n\r\x00")
}

// IsVisible reports whether s has neither spaces nor control characters.
func IsVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// Abridge shortens a client's line for an error message.
func Abridge(line []byte) []byte {
	return line[:min(len(line), 64)]
}

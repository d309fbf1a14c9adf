package syntax

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxCharacterString is the most octets of a character-string (RFC 1035 §3.3).
const maxCharacterString = 255

// word is a character-string as a master file writes it: a word, or text in
// quotes (RFC 1035 §5.1).
type word struct {
	text   string // without quotes and escapes
	quoted bool
}

// splitWords reads words that are separated by spaces.
func splitWords(line string) (words []word, err error) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " \t") {
		w := word{quoted: line[0] == '"'}
		if w.quoted {
			w.text, line, err = cutQuoted(line[1:])
		} else {
			end := strings.IndexAny(line, " \t")
			if end < 0 {
				end = len(line)
			}
			w.text, line = line[:end], line[end:]
		}
		if err == nil && len(w.text) > maxCharacterString {
			err = fmt.Errorf("holds a string of %d octets, the most is %d", len(w.text), maxCharacterString)
		}
		if err != nil {
			return nil, err
		}
		words = append(words, w)
	}
	return words, nil
}

// cutQuoted reads up to the closing quote.
func cutQuoted(text string) (inside, rest string, err error) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return out.String(), text[i+1:], nil
		case c == '\\' && i+3 < len(text) && '0' <= text[i+1] && text[i+1] <= '9':
			n, err := strconv.ParseUint(text[i+1:i+4], 10, 8)
			if err != nil {
				return "", "", fmt.Errorf("holds %.8q, which is not an octet in decimal", text[i:i+4])
			}
			out.WriteByte(byte(n))
			i += 3
		case c == '\\' && i+1 < len(text):
			i++
			out.WriteByte(text[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", "", errors.New("lacks a closing quote")
}

// quote writes a character-string in quotes.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, c := range []byte(text) {
		switch {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&out, `\%03d`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// CharacterStrings is a text as RDATA of a TXT record: strings that are read as
// one.
func CharacterStrings(text string) string {
	var strs []string
	for len(text) > maxCharacterString {
		strs = append(strs, quote(text[:maxCharacterString]))
		text = text[maxCharacterString:]
	}
	return strings.Join(append(strs, quote(text)), " ")
}

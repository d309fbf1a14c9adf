package manifests

import (
	"bytes"
)

// part is the text of a document.
type part struct {
	line int // its first line, without blank lines
	text []byte
}

// splitDocuments splits a file at lines that start with "---", which in YAML end a
// document anywhere (YAML 1.2.2 §9.1.4). Documents with only blank lines and comments
// are skipped.
func splitDocuments(text []byte) []part {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var parts []part
	var current part
	empty := true // current has no content yet
	flush := func() {
		if !empty {
			parts = append(parts, current)
		}
		current, empty = part{}, true
	}
	number, start := 0, 0
	for line := range bytes.Lines(text) {
		number++
		end := start + len(line)
		content := bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || bytes.ContainsRune([]byte(" \t\r\n"), rune(line[3]))):
			flush()
			if rest := bytes.TrimSpace(line[3:]); len(rest) > 0 && rest[0] != '#' {
				current, empty = part{line: number, text: text[start+3 : end]}, false
			}
		case current.text != nil:
			current.text = text[end-len(line)-len(current.text) : end]
		case len(content) > 0 && content[0] != '#' && !bytes.HasPrefix(line, []byte("%")):
			current, empty = part{line: number, text: text[start:end]}, false
		}
		start = end
	}
	flush()
	return parts
}

package snippets

import (
	"fmt"
	"strings"
)

// Position is a place in a snippet, counted from 1; columns are octets.
type Position struct {
	Line, Column int
}

// String is the position as messages say it.
func (p Position) String() string { return fmt.Sprintf("line %d, column %d", p.Line, p.Column) }

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokenEnd   tokenKind = iota // of the text
	tokenWord                   // with its quotes and escapes taken away
	tokenStop                   // ;
	tokenOpen                   // {
	tokenClose                  // }
)

type token struct {
	kind tokenKind
	text string // of a word
	at   Position
}

// lexer cuts a text into tokens as nginx does (ngx_conf_read_token).
type lexer struct {
	rest string
	at   Position
	glue bool // a quoted word has just ended: what follows must be separated from it
}

func newLexer(text string) *lexer {
	return &lexer{rest: text, at: Position{1, 1}}
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	l.skip()
	t := token{at: l.at}
	if l.rest == "" {
		return t, nil
	}
	switch l.rest[0] {
	case ';':
		t.kind = tokenStop
	case '{':
		t.kind = tokenOpen
	case '}':
		t.kind = tokenClose
	default:
		return l.word()
	}
	l.glue = false
	l.advance(1)
	return t, nil
}

// advance goes n octets on.
func (l *lexer) advance(n int) {
	passed := l.rest[:n]
	l.rest = l.rest[n:]
	if lines := strings.Count(passed, "\n"); lines > 0 {
		l.at.Line += lines
		l.at.Column = 1
		n = len(passed) - strings.LastIndexByte(passed, '\n') - 1
	}
	l.at.Column += n
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skip goes past blanks and comments.
func (l *lexer) skip() {
	for l.rest != "" {
		switch c := l.rest[0]; {
		case isBlank(c):
			l.advance(1)
		case c == '#' && !l.glue:
			end := strings.IndexByte(l.rest, '\n')
			if end < 0 {
				end = len(l.rest)
			}
			l.advance(end)
			continue
		default:
			return
		}
		l.glue = false
	}
}

// word reads a word, in quotes or without.
func (l *lexer) word() (token, error) {
	t := token{kind: tokenWord, at: l.at}
	if l.glue && l.rest[0] != ')' {
		return t, fmt.Errorf("%s: unexpected %q after a quoted text", l.at, l.rest[0])
	}
	quote := l.rest[0]
	if quote != '"' && quote != '\'' || l.glue {
		l.glue = false
		end := wordEnd(l.rest)
		t.text = unescape(l.rest[:end])
		l.advance(end)
		return t, nil
	}
	for i := 1; i < len(l.rest); i++ {
		switch l.rest[i] {
		case '\\':
			i++
		case quote:
			t.text, l.glue = unescape(l.rest[1:i]), true
			l.advance(i + 1)
			return t, nil
		}
	}
	return t, fmt.Errorf("%s: the text that begins with %c has no end", l.at, quote)
}

// wordEnd returns where a word without quotes ends.
func wordEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case isBlank(c) || c == ';' || c == '{' && (i == 0 || s[i-1] != '$'):
			return i
		}
	}
	return len(s)
}

// unescape takes the backslashes away that nginx takes away; all others are kept for
// regular expressions.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			switch next := s[i+1]; next {
			case '"', '\'', '\\':
				c = next
				i++
			case 't':
				c = '\t'
				i++
			case 'r':
				c = '\r'
				i++
			case 'n':
				c = '\n'
				i++
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// skipLua goes past a block of Lua, whose opening brace was read: it is not looked into, so
// that the directive can be named in a problem.
func (l *lexer) skipLua() error {
	begin, depth := l.at, 1
	for l.rest != "" {
		n := 1
		switch c := l.rest[0]; {
		case c == '{':
			depth++
		case c == '}':
			depth--
		case strings.HasPrefix(l.rest, "--"):
			n = len(l.rest)
			if end := strings.IndexByte(l.rest, '\n'); end >= 0 {
				n = end
			}
		case c == '"' || c == '\'':
			n = quotedLua(l.rest)
		}
		l.advance(n)
		if depth == 0 {
			return nil
		}
	}
	return fmt.Errorf("%s: a block of Lua has no closing brace", begin)
}

// quotedLua is the length of the quoted text at the beginning, with its quotes.
func quotedLua(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1
		}
	}
	return len(text)
}

package snippets

import (
	"fmt"
	"strings"
	"testing"
)

// show writes directives in a form that says where words begin and end.
func show(list []*Directive) string {
	var b strings.Builder
	for _, d := range list {
		fmt.Fprintf(&b, "%d:%d %s%q", d.At.Line, d.At.Column, d.Name, d.Args)
		if d.HasBlock {
			fmt.Fprintf(&b, "{%s}", show(d.Block))
		}
		b.WriteString(" ")
	}
	return strings.TrimSpace(b.String())
}

// TestParse compares with how nginx reads its configuration (ngx_conf_read_token).
func TestParse(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"a;", `1:1 a[]`},
		{"a b c;\n  d  'e f';", `1:1 a["b" "c"] 2:3 d["e f"]`},
		{"# all; of this\na; # { \nb;", `2:1 a[] 3:1 b[]`},
		{"a b#c;", `1:1 a["b#c"]`},
		{`a "b \"c\" \\ \d \n";`, `1:1 a["b \"c\" \\ \\d \n"]`},
		{`a 'it\'s' "";`, `1:1 a["it's" ""]`},
		{`if ($a = "b") { c; }`, `1:1 if["($a" "=" "b" ")"]{1:17 c[]}`},
		{`a ${b}c$d{ e; }`, `1:1 a["${b}c$d"]{1:12 e[]}`},
		{`a b{ c {} }`, `1:1 a["b"]{1:6 c[]{}}`},
		{`rewrite ^/a\.b$ /c}d;`, `1:1 rewrite["^/a\\.b$" "/c}d"]`},
		{"a 'two\nlines' b;\nc;", `1:1 a["two\nlines" "b"] 3:1 c[]`},
		{`a "b"{c;}`, `1:1 a["b"]{1:7 c[]}`},
	} {
		list, err := Parse(test.text)
		got := show(list)
		if err != nil || got != test.want {
			t.Errorf("Parse(%q) = %s, %v; want %s", test.text, got, err, test.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	deep := strings.Repeat("a {", maxDepth+1) + strings.Repeat("}", maxDepth+1)
	for _, test := range []struct{ text, want string }{
		{"a", "line 1, column 1: a does not end with a semicolon"},
		{"a; b }", "line 1, column 4: b does not end with a semicolon"},
		{"a;\n }", "line 2, column 2: a closing brace has no opening one"},
		{"a {\n b;", "line 2, column 4: a block has no closing brace"},
		{";", "line 1, column 1: a directive is expected"},
		{"{}", "line 1, column 1: a directive is expected"},
		{"a 'b", `line 1, column 3: the text that begins with ' has no end`},
		{"a 'b'c;", `line 1, column 6: unexpected 'c' after a quoted text`},
		{deep, "line 1, column 21: blocks are nested more than 6 deep"},
		{strings.Repeat("a;", maxDirectives+1), "line 1, column 513: there are more than 256 directives"},
		{"a " + strings.Repeat("b ", maxWords+1) + ";", "line 1, column 131: a has more than 64 arguments"},
		{strings.Repeat(" ", maxText+1), "has 32769 octets, the most is 32768"},
	} {
		if list, err := Parse(test.text); err == nil || err.Error() != test.want {
			t.Errorf("Parse(%.60q) = %s, %v; want %s", test.text, show(list), err, test.want)
		}
	}
}

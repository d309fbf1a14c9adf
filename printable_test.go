package gatelodge_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	gatelodge "gatelodge.dev"
)

// lies are texts that would make a line look like another one, or like two.
var lies = []struct{ text, shown string }{
	{"a\nproblem Ingress shop/web: fine", `a\nproblem Ingress shop/web: fine`},
	{"a\r\x1b[2Kb\x00\x7f\tc", `a\r\x1b[2Kb\x00\x7f\tc`},
	{"a\u0085b\u009bc", `a\u0085b\u009bc`},
	{"a\u2028b\u2029c", `a\u2028b\u2029c`},
	{"a\u202eb\u2066c\u200fd\u061ce", `a\u202eb\u2066c\u200fd\u061ce`},
	{"pass\u200bword\ufeff", `pass\u200bword\ufeff`},
	{"tag\U000e0041", `tag\U000e0041`},
	{"a\xffb", `a\xffb`},
	{"\ufffd", "\ufffd"},
	{"café 漢字 🙂 C:\\x", "café 漢字 🙂 C:\\x"},
}

func TestPrintable(t *testing.T) {
	for _, c := range lies {
		if got := gatelodge.Printable(c.text); got != c.shown {
			t.Errorf("%q is shown as %s, want %s", c.text, got, c.shown)
		}
	}
	if n := testing.AllocsPerRun(100, func() { gatelodge.Printable("Ingress shop/web: a host, café") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestProblemCantLie: a Problem, and each line of a Snapshot, stays one unambiguous
// line, whatever its author wrote.
func TestProblemCantLie(t *testing.T) {
	for _, c := range lies {
		p := gatelodge.Problem{Object: gatelodge.Object{Kind: "Ingress", Namespace: c.text, Name: "web"}, Message: c.text}
		if line := p.String(); gatelodge.Printable(line) != line || strings.Count(line, c.shown) != 2 {
			t.Errorf("%q is told as %q", c.text, line)
		}
		route := &gatelodge.Route{Path: "/", Policy: &gatelodge.Policy{}, Object: p.Object, Backend: gatelodge.BackendKey(c.text)}
		s := &gatelodge.Snapshot{
			Listeners: []gatelodge.Listener{{Name: c.text}},
			Hosts:     gatelodge.HostMap(&gatelodge.Host{Name: "a.test", Owner: c.text, Routes: []*gatelodge.Route{route}}),
		}
		if text := s.String(); strings.Count(text, "\n") != 3 || strings.Count(text, c.shown) != 4 {
			t.Errorf("%q makes the text\n%s", c.text, text)
		}
	}
}

// FuzzAppendJSON: the output decodes to the input, except for bytes that are not
// UTF-8, and shows nothing deceptive.
func FuzzAppendJSON(f *testing.F) {
	for _, c := range lies {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := string(gatelodge.AppendJSON(nil, s))
		var back string
		if err := json.Unmarshal([]byte(text), &back); err != nil || back != string([]rune(s)) {
			t.Fatalf("%q is written as %s and read back as %q, %v", s, text, back, err)
		}
		if gatelodge.Printable(text) != text || !utf8.ValidString(text) {
			t.Fatalf("%q is written as %q", s, text)
		}
	})
}

package annotations

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/nginxnames"
)

var update = flag.Bool("update", false, "write the tables of docs/annotations.md")

const page = "../../docs/annotations.md"

// TestEveryAnnotationHasOneVerdict: what ingress-nginx 1.15 reads is honoured, or
// its author is told why not; and never both.
func TestEveryAnnotationHasOneVerdict(t *testing.T) {
	counts := make(map[string]int)
	for _, e := range Table() {
		if counts[e.Name]++; counts[e.Name] == 2 {
			t.Errorf("%s has two entries: a row that honours it replaces that in nginxnames.AllUnhonoured", e.Name)
		}
	}
	names := nginxnames.All()
	if len(names) < 130 || !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("%d names of ingress-nginx, expected 130 or more, sorted, each once", len(names))
	}
	for _, name := range names {
		if counts[name] == 0 {
			t.Errorf("%s of ingress-nginx 1.15 has no verdict: honour it in a row, or say why not in nginxnames.AllUnhonoured", name)
		}
	}
}

// TestEveryEntrySaysWhatItsReadersNeed: what it does, or why it is not done.
func TestEveryEntrySaysWhatItsReadersNeed(t *testing.T) {
	for _, e := range Table() {
		sentence := func(what, text string) {
			if !strings.HasSuffix(text, ".") || strings.Contains(text, "\n") {
				t.Errorf("%s: %s is not one or more sentences in a line: %q", e.Name, what, text)
			}
		}
		switch e.Verdict {
		case Honoured, Differs:
			sentence("what it means", e.Means)
			if e.Verdict == Differs {
				sentence("what differs", e.Differs)
			}
			if e.OursOnly && e.Differs != "" {
				t.Errorf("%s differs from nothing: ingress-nginx has none of the name", e.Name)
			}
		default:
			if e.Why == "" || strings.HasSuffix(e.Why, ".") || e.Verdict == Refused && e.Instead == "" {
				t.Errorf("%s: why %q, instead %q", e.Name, e.Why, e.Instead)
			}
		}
	}
}

// TestTheAuthorIsTold: a problem names why an annotation is not honoured, and what
// to do.
func TestTheAuthorIsTold(t *testing.T) {
	for _, e := range Table() {
		if e.Verdict != Meaningless && e.Verdict != Refused {
			continue
		}
		var told []string
		asked := Read(map[string]string{nginxPrefix + e.Name: "x"}, "shop", nil, func(reason gatelodge.Reason, format string, args ...any) {
			told = append(told, gatelodge.Problem{Reason: reason, Message: fmt.Sprintf(format, args...)}.String())
		})
		if len(told) != 1 || !strings.Contains(told[0], e.Why) || !strings.Contains(told[0], e.Instead) {
			t.Errorf("%s: told %q, want why and what to do: %q, %q", e.Name, told, e.Why, e.Instead)
		}
		if unavailable := asked.Unavailable != ""; unavailable != e.Protects {
			t.Errorf("%s: unavailable is %t, want %t", e.Name, unavailable, e.Protects)
		}
	}
}

// TestThePageIsFresh: make docs writes the tables.
func TestThePageIsFresh(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := writeTables(string(text))
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Errorf("the tables of %s are not those of this package: make docs", page)
	}
	for _, e := range Table() {
		if !strings.Contains(want, "| `"+e.Name+"` |") {
			t.Errorf("%s is not in %s", e.Name, page)
		}
	}
}

func TestOf(t *testing.T) {
	for key, want := range map[string]bool{
		OwnPrefix + "limit-rps": true, nginxPrefix + "limit-rps": true, nginxPrefix + "stream-snippet": true,
		nginxPrefix + "typo": false, "limit-rps": false, "example.com/limit-rps": false,
	} {
		if _, found := Of(key); found != want {
			t.Errorf("%s: %t, want %t", key, found, want)
		}
	}
}

// writeTables writes the tables into docs/annotations.md, between lines of the form
// "<!-- honoured -->" and "<!-- end -->". All else of the page is written by hand.
func writeTables(page string) string {
	for name, table := range map[string]func() string{
		"honoured":    honouredTables,
		"meaningless": func() string { return unmetTable(Meaningless) },
		"refused":     func() string { return unmetTable(Refused) },
	} {
		between := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n).*?(<!-- end -->)`)
		page = between.ReplaceAllStringFunc(page, func(found string) string {
			part := between.FindStringSubmatch(found)
			return part[1] + table() + part[2]
		})
	}
	return page
}

func honouredTables() string {
	var b strings.Builder
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n### %s\n\n| annotation | value | meaning | in ingress-nginx |\n|---|---|---|---|\n", g.title)
		for i := range g.rows {
			e := g.rows[i].entry()
			in := "the same"
			switch {
			case e.OursOnly:
				in = "none of the name"
			case e.Differs != "":
				in = "different: " + e.Differs
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", e.Name, cell(e.Expects), cell(e.Means), cell(in))
		}
	}
	b.WriteString("\n")
	return b.String()
}

func unmetTable(verdict Verdict) string {
	var b strings.Builder
	b.WriteString("\n| annotation | why | what to do |\n|---|---|---|\n")
	for _, e := range Table() {
		if e.Verdict != verdict {
			continue
		}
		instead := e.Instead
		if e.Protects {
			instead += "; until then the routes answer 503"
		}
		if instead == "" {
			instead = "nothing"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Name, cell(e.Why), cell(instead))
	}
	b.WriteString("\n")
	return b.String()
}

var quoted = regexp.MustCompile(`"([^"]*)"`)

// cell is text as the cell of a table in Markdown: what a message has in quotes is
// code.
func cell(text string) string {
	if !strings.Contains(text, "`") {
		text = quoted.ReplaceAllString(text, "`$1`")
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

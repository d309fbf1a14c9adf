package dnsserve

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fuzzNow is the time of a fuzz run: the same each time.
var fuzzNow = time.Unix(1e9, 0)

var update = flag.Bool("update", false, "rewrite the answers in testdata/answers")

// TestAnswers reads the files of testdata/answers. Each holds an idea: a
// comment that states it, zones (separated by a line "---"), and questions,
// each after "? " and followed by its answer in the form of answerText.
func TestAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/answers/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runAnswers(t, file) })
	}
}

func runAnswers(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	zoneTexts, questions, found := strings.Cut(string(text), "\n\n? ")
	if !found {
		t.Fatal("no question")
	}
	var zones []*zone
	for zoneText := range strings.SplitSeq(zoneTexts, "\n---\n") {
		z, err := loadZone(zoneText)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, z)
	}
	r := testResponder(zones...)
	rewritten := zoneTexts + "\n"
	for block := range strings.SplitSeq(questions, "\n? ") {
		question, want, _ := strings.Cut(block, "\n")
		qname, typeName, _ := strings.Cut(question, " ")
		m := new(dns.Msg)
		m.SetQuestion(qname, typeOf(t, typeName))
		got := answerText(exchange(t, r, m, overUDP))
		if strings.TrimSpace(got) != strings.TrimSpace(want) && !*update {
			t.Errorf("%s\n got\n%swant\n%s", question, got, want)
		}
		rewritten += "\n? " + question + "\n" + got
	}
	if *update {
		if err := os.WriteFile(file, []byte(rewritten), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func typeOf(t *testing.T, mnemonic string) uint16 {
	t.Helper()
	if number, ok := strings.CutPrefix(mnemonic, "TYPE"); ok {
		var n uint16
		if _, err := fmt.Sscan(number, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	n, ok := dns.StringToType[mnemonic]
	if !ok {
		t.Fatalf("type %q is unknown", mnemonic)
	}
	return n
}

// answerText is a line with the code and flags, and a line for each record.
func answerText(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Authoritative, "AA"}, {m.Truncated, "TC"}, {m.RecursionAvailable, "RA"}, {m.Zero, "Z"}, {m.AuthenticatedData, "AD"}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	b.WriteByte('\n')
	for _, section := range []struct {
		name string
		rrs  []dns.RR
	}{{"answer", m.Answer}, {"authority", m.Ns}, {"additional", m.Extra}} {
		var lines []string
		for _, rr := range section.rrs {
			lines = append(lines, fmt.Sprintf("%-10s %s\n", section.name, strings.Join(strings.Fields(rr.String()), " ")))
		}
		if section.name == "additional" {
			slices.Sort(lines)
		}
		b.WriteString(strings.Join(lines, ""))
	}
	return b.String()
}

package objects

import (
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// TestClaimsAreReadAsWritten, and what spoils a line spoils no other.
func TestClaimsAreReadAsWritten(t *testing.T) {
	since := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	want := Holdings{}.
		With("", &Holding{Namespace: "shop", Since: since}).
		With("*.example.com", &Holding{Namespace: "crm", Since: since.Add(time.Second)}).
		With("a.example.com", &Holding{Namespace: "lab", Since: since, Guest: true})
	text := string(FormatClaims(want))
	got := ReadClaims(text, Holdings{})
	checkHoldings(t, got, want)
	if again := ReadClaims(text, got); again.Get("") != got.Get("") {
		t.Error("what is the same is another pointer")
	}
	for _, spoilt := range []string{
		"", "x", "b.example.com", "b.example.com shop", "b.example.com shop never", "b.example.com shop -1",
		"b.example.com shop 99999999999999999999", "bad host shop 1", "b..example.com shop 1", "b.example.com shop 1 host", "\x00\xff",
		strings.Repeat("x", 1<<20),
	} {
		checkHoldings(t, ReadClaims(spoilt+"\n"+text, Holdings{}), want)
	}
	checkHoldings(t, ReadClaims("", want), Holdings{})
}

func checkHoldings(t *testing.T, got, want Holdings) {
	t.Helper()
	if got.Len() != want.Len() {
		t.Errorf("got %d names, want %d", got.Len(), want.Len())
	}
	for name, holding := range want.All() {
		if h := got.Get(name); h == nil || *h != *holding {
			t.Errorf("%q: got %v, want %v", name, h, holding)
		}
	}
}

// TestClaimsAreBounded: whoever writes the item can't swell the gateway, and what
// the gateway writes fits a ConfigMap.
func TestClaimsAreBounded(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := gatelodge.Name(strings.Join([]string{label, label, label, label[:61]}, "."))
	line := FormatClaims(Holdings{}.With(longest, &Holding{Namespace: label, Since: time.Unix(1<<40, 0), Guest: true}))
	if size := len(line) * MaxClaims; size > 1<<20 {
		t.Errorf("%d names of %d octets each are %d octets", MaxClaims, len(line), size)
	}
	var many strings.Builder
	for i := range 2 * MaxClaims {
		many.WriteString("a" + strings.Repeat("b", i%60) + "." + string(rune('a'+i/60%26)) + "." + string(rune('a'+i/1560)) + " shop 1\n")
	}
	if n := ReadClaims(many.String(), Holdings{}).Len(); n > MaxClaims {
		t.Errorf("%d names were read, want at most %d", n, MaxClaims)
	}
}

package dnsserve

import (
	"bytes"
	"testing"
)

// TestLowerKnowsLetters: every octet at every place.
func TestLowerKnowsLetters(t *testing.T) {
	for size := range 20 {
		for c := range 256 {
			got := bytes.Repeat([]byte{byte(c)}, size)
			lower(got)
			want := byte(c)
			if 'A' <= c && c <= 'Z' {
				want += 'a' - 'A'
			}
			if !bytes.Equal(got, bytes.Repeat([]byte{want}, size)) {
				t.Fatalf("%d times %q becomes %q", size, byte(c), got)
			}
		}
	}
}

func TestNameWithin(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		want       bool
	}{
		{"example.", "example.", true},
		{"a.b.example.", "example.", true},
		{"a.b.example.", ".", true},
		{".", ".", true},
		{".", "example.", false},
		{"example.", "a.example.", false},
		{"anexample.", "example.", false},
		// The octet before "example" is a letter that could be a length.
		{`\007example.com.`, "com.", true},
		{`x\007example.com.`, "example.com.", false},
	} {
		n, err := packName(test.name)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := packName(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.within(zone); got != test.want {
			t.Errorf("%s within %s: %v", test.name, test.zone, got)
		}
	}
}

package wire

import (
	"strings"
	"testing"
)

// TestControlIsFoundAnywhere: each byte at each place of texts of each length
// around the eight bytes that are looked at together.
func TestControlIsFoundAnywhere(t *testing.T) {
	for length := range 26 {
		plain := strings.Repeat("\x80", length)
		if HasControl(plain) {
			t.Fatalf("found one in %q", plain)
		}
		for at := range length {
			for c := range 256 {
				s := plain[:at] + string([]byte{byte(c)}) + plain[at+1:]
				if got, want := HasControl(s), c < ' ' || c == 0x7f; got != want {
					t.Fatalf("%q: got %t, want %t", s, got, want)
				}
			}
		}
	}
}

package syntax

import (
	"strings"
	"testing"
)

// TestUnitsOfOthersAreNamed: sizes are often written as Kubernetes has them.
func TestUnitsOfOthersAreNamed(t *testing.T) {
	for _, value := range []string{"100Mi", "100MB", "1Gi"} {
		if _, err := ParseSize(value); err == nil || !strings.Contains(err.Error(), "the units are k, m and g") {
			t.Errorf("%s: %v, want the units in it", value, err)
		}
	}
	for value, want := range map[string]int64{"100m": 100 << 20, "1G": 1 << 30, "8k": 8 << 10, "0": 0, "5b": 5} {
		if size, err := ParseSize(value); err != nil || size != want {
			t.Errorf("%s: %d, %v, want %d", value, size, err, want)
		}
	}
}

// TestANameForAnAddressIsNamed: what leads to a name is a CNAME record.
func TestANameForAnAddressIsNamed(t *testing.T) {
	if _, err := ipv4Data("lb.example.net"); err == nil || !strings.Contains(err.Error(), "CNAME") {
		t.Errorf("%v, want CNAME in it", err)
	}
	if _, err := ipv4Data("2001:db8::1"); err == nil || strings.Contains(err.Error(), "CNAME") {
		t.Errorf("%v, want no CNAME in it", err)
	}
	if _, err := ipv4Data("192.0.2.300"); err == nil || strings.Contains(err.Error(), "CNAME") {
		t.Errorf("%v, want no CNAME in it", err)
	}
}

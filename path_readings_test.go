package gatelodge_test

import (
	"slices"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func readings(t *testing.T, path string) []string {
	t.Helper()
	var all []string
	err := gatelodge.OtherReadings(path, func(reading string) bool {
		all = append(all, reading)
		return true
	})
	if err != nil {
		t.Fatalf("%q %v", path, err)
	}
	return all
}

func TestOtherReadings(t *testing.T) {
	for _, c := range []struct {
		path string
		want []string // must be among the readings
	}{
		{"//admin", []string{"/admin"}},
		{"/a///admin", []string{"/a/admin"}},
		{"/a%2Fadmin", []string{"/a/admin"}},
		{"/a%5Cadmin", []string{"/a/admin"}},
		{"/%2Fadmin", []string{"//admin", "/admin"}},
		{"/admin;v=1/x", []string{"/admin/x"}},
		{"/admin;a/b;c", []string{"/admin/b"}},
		{"/;/admin", []string{"//admin", "/admin"}},
		{"/a/..;/admin", []string{"/a/../admin", "/admin"}},
		{"/a/..;x=1/admin", []string{"/admin"}},
		{"/a/;x/..;/admin", []string{"/admin", "/a/admin"}},
		{"/a/.%3B/admin", nil}, // not in PathForm, which would be "/a/.;/admin"
		{"/a/.;/admin", []string{"/a/admin"}},
		{"/%2561dmin", []string{"/admin"}},
		{"/%25252561dmin", []string{"/%252561dmin", "/%2561dmin", "/admin"}},
		{"/a%252Fadmin", []string{"/a%2Fadmin", "/a/admin"}},
		{"/a%255Cadmin", []string{"/a/admin"}},
		{"/a/%252e%252E/admin", []string{"/admin"}},
		{"/a/..%253Bx/admin", []string{"/a/..;x/admin", "/admin"}},
		{"/a%252F..%252Fadmin", []string{"/admin"}},
		{"/100%25", nil},
		{"/100%25zz", nil},
		{"/plain/path-1.2/%20x", nil},
	} {
		got := readings(t, c.path)
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%q is not read as %q, only as %q", c.path, want, got)
			}
		}
		if c.want == nil && len(got) > 0 && !strings.Contains(c.path, "%3B") {
			t.Errorf("%q is read as %q", c.path, got)
		}
	}
}

func TestOtherReadingsEnd(t *testing.T) {
	long := "/" + strings.Repeat("%25252525252525252525252525252525252525252525252525252525252525252525252525252525252561;a//%252F..;/", 600)
	visited := 0
	err := gatelodge.OtherReadings(long, func(string) bool { visited++; return true })
	if err == nil || visited > 64 {
		t.Errorf("%d readings, %v", visited, err)
	}
}

func TestPlainPathsCostNothing(t *testing.T) {
	n := testing.AllocsPerRun(100, func() {
		_ = gatelodge.OtherReadings("/assets/app-1.2.3.min.js/%20x", func(string) bool { return true })
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzOtherReadings: readings are in PathForm, and the readings of a reading are
// among those of the path.
func FuzzOtherReadings(f *testing.F) {
	for _, path := range []string{"/", "//a;b", "/a/..;/%2F%5c", "/%252e%25252e//", "/%25;/%2f"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		canonical, err := gatelodge.CanonicalPath(path)
		if err != nil {
			return
		}
		var all []string
		if gatelodge.OtherReadings(gatelodge.PathForm(canonical), func(reading string) bool {
			all = append(all, reading)
			return true
		}) != nil {
			return
		}
		for _, reading := range all {
			if gatelodge.PathForm(reading) != reading || reading[0] != '/' {
				t.Fatalf("%q is read as %q, which has another form", path, reading)
			}
		}
	})
}

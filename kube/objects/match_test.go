package objects

import (
	"slices"
	"testing"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		name        string
		before, now string
		want        []int
	}{
		{"nothing before", "", "ab", []int{-1, -1}},
		{"the same", "abc", "abc", []int{0, 1, 2}},
		{"one replaced", "abcd", "aXcd", []int{0, -1, 2, 3}},
		{"the last replaced", "abc", "abX", []int{0, 1, -1}},
		{"one added", "abcd", "aXbcd", []int{0, -1, 1, 2, 3}},
		{"one gone", "abcd", "acd", []int{0, 2, 3}},
		{"two gone", "abcde", "ade", []int{0, 3, 4}},
		{"two replaced, one gone", "abcdef", "XbcYf", []int{-1, 1, 2, -1, 5}},
	} {
		if got := Matches([]byte(c.before), []byte(c.now)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

//go:build !race

package undertest

var buildFlags []string

// Race is documented in race.go.
const Race = false

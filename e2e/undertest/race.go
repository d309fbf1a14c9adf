//go:build race

package undertest

// buildFlags has the race detector watch the program, too.
var buildFlags = []string{"-race"}

// Race reports whether tests run under the race detector, which makes hashes of
// passwords and the like so slow that bounds of time say nothing.
const Race = true

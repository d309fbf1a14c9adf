//go:build race

package undertest

// buildFlags has the race detector watch the program, too.
var buildFlags = []string{"-race"}

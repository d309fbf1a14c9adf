//go:build !race

package undertest

var buildFlags []string

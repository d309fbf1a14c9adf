package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A reference is the name that an image is imported by.
type reference struct {
	full string // host/path:tag
	tag  string
}

// A tag has the form of the distribution specification (section "Pulling manifests").
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// parseName requires the full name, because containerd does not complete it: an
// image imported as "gatelodge:1" is not the one that a pod asks for by it.
func parseName(name string) (reference, error) {
	path, tag, tagged := cutLast(name, ":")
	host, rest, hasHost := strings.Cut(path, "/")
	if !tagged || !tagPattern.MatchString(tag) || !hasHost || rest == "" || !strings.ContainsAny(host, ".:") ||
		strings.ToLower(path) != path || strings.ContainsAny(path, " @") {
		return reference{}, fmt.Errorf("-name %q: want HOST/PATH:TAG, such as ghcr.io/gatelodge/gatelodge:0.1.0", name)
	}
	return reference{full: name, tag: tag}, nil
}

// A program is the file in the image of one platform.
type program struct{ os, arch, file string }

// platforms are those whose images need no variant in addition to the architecture.
var platforms = []string{"linux/amd64", "linux/arm64"}

// parseProgram reads OS/ARCH=PROGRAM.
func parseProgram(arg string) (program, error) {
	platform, file, _ := strings.Cut(arg, "=")
	if !slices.Contains(platforms, platform) || file == "" {
		return program{}, fmt.Errorf("%q: want OS/ARCH=PROGRAM, with one of %s", arg, strings.Join(platforms, ", "))
	}
	os, arch, _ := strings.Cut(platform, "/")
	return program{os, arch, file}, nil
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}

// Package syntax reads the texts in objects that have a syntax of their own, each
// alone: names with a hint at what to write instead (name.go), RDATA as DNSEndpoints
// write it (rdata.go, words.go), htpasswd files (htpasswd.go), switches, numbers, sizes
// and times (values.go, cachetimes.go), origins (origins.go), regular expressions
// within bounds (expression.go), the locations of redirects and the targets of
// rewrites (location.go, rewrite.go), and what was meant for another controller
// (pathpattern.go, foreign.go).
//
// It knows what a text means, and must not know which object or annotation it stands
// in: its errors complete a sentence that begins with the text.
package syntax

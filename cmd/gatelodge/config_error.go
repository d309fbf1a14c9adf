package main

import (
	"errors"
	"fmt"

	gatelodge "gatelodge.dev"
)

// configError is one problem with a configuration file.
type configError struct {
	file    string // "": unknown
	line    int    // 0: it concerns the whole file
	key     string // path of the key, as in "dns.zones[0].ttl"; "": it concerns the whole file
	message string
}

func (e *configError) Error() string {
	s := e.message
	if e.key != "" {
		s = e.key + ": " + s
	}
	switch {
	case e.file == "":
		return s
	case e.line == 0:
		return e.file + ": " + s
	}
	return fmt.Sprintf("%s:%d: %s", e.file, e.line, s)
}

// configProblems returns a Problem for each error that is joined in err, for a
// snapshot that is built without the changed configuration.
func configProblems(err error) []gatelodge.Problem {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var problems []gatelodge.Problem
		for _, one := range joined.Unwrap() {
			problems = append(problems, configProblems(one)...)
		}
		return problems
	}
	p := gatelodge.Problem{
		Object:  gatelodge.Object{Kind: "Config"},
		Reason:  gatelodge.BadConfig,
		Message: err.Error(),
	}
	var e *configError
	if errors.As(err, &e) {
		p.Object.Name, p.Object.File, p.Object.Line, p.Message = e.key, e.file, e.line, e.message
	}
	return []gatelodge.Problem{p}
}

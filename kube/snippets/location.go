package snippets

import (
	"cmp"
	"fmt"

	gatelodge "gatelodge.dev"
)

// maxLocations bounds the locations of a server-snippet.
const maxLocations = 32

// readLocationBlock reads a location of a server-snippet. It has no backend, since
// what would give it one is not honoured.
func readLocationBlock(r *reader, d *Directive, _ *level, _ context) error {
	if len(r.locations) == maxLocations {
		return fmt.Errorf("is one more than %d", maxLocations)
	}
	r.ifs++ // it has the fields that are changed outside of it, as an if
	loc := &Location{match: gatelodge.PathStart, path: d.Args[len(d.Args)-1], level: &level{}}
	var err error
	if len(d.Args) == 2 {
		switch d.Args[0] {
		case "=":
			loc.match = gatelodge.PathExact
		case "^~":
			loc.match = gatelodge.PathStartFirst
		case "~", "~*":
			loc.match = gatelodge.PathPattern
			loc.pattern, err = r.pattern(loc.path, d.Args[0] == "~*")
		default:
			err = fmt.Errorf("has the modifier %.20q, expected =, ^~, ~ or ~*", d.Args[0])
		}
	}
	if loc.match != gatelodge.PathPattern && err == nil {
		loc.path, err = gatelodge.RoutePath(loc.path)
		if err != nil {
			err = fmt.Errorf("%.60q %w", d.Args[len(d.Args)-1], err)
		}
	}
	if err != nil {
		return err
	}
	r.block(d.Block, loc.level, inLocation)
	r.locations = append(r.locations, loc)
	return nil
}

// Routes returns new routes of the locations, in the order of the text, without the
// Object that they belong to.
func (s *Server) Routes() []*gatelodge.Route {
	routes := make([]*gatelodge.Route, len(s.locations))
	for i, l := range s.locations {
		routes[i] = s.route(l)
	}
	return routes
}

// Rest returns a new route for the paths that no other route is for, so that the
// server-snippet holds for them as well.
func (s *Server) Rest() *gatelodge.Route { return s.route(s.rest) }

func (s *Server) route(l *Location) *gatelodge.Route {
	policy := &gatelodge.Policy{Redirect: gatelodge.RedirectNever, Snippet: Snippet(s, l)}
	return &gatelodge.Route{Path: l.path, Match: l.match, Pattern: l.pattern, Policy: policy}
}

// CompareRoutes orders routes as nginx looks for a location: exact ones, patterns, and
// the longest path first. Patterns keep their order. A Prefix path is one with a slash
// at its end.
func CompareRoutes(a, b *gatelodge.Route) int {
	rank := func(r *gatelodge.Route) (rank, length int) {
		switch {
		case r.Match == gatelodge.PathExact:
			return 0, 0
		case r.Match == gatelodge.PathPattern:
			return 1, 0
		case r.Match == gatelodge.PathPrefix && r.Path != "/":
			return 2, len(r.Path) + 1
		}
		return 2, len(r.Path)
	}
	rankA, lengthA := rank(a)
	rankB, lengthB := rank(b)
	return cmp.Or(cmp.Compare(rankA, rankB), cmp.Compare(lengthB, lengthA))
}

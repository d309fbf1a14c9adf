package proxy

import (
	"fmt"
	"strings"

	gatelodge "gatelodge.dev"
)

// readings finds requests whose path may mean another route, with other protections, to
// other software. For example, a backend may treat /x//admin as /admin, which needs a
// password.
type readings struct {
	sensitive []bool             // by route: another differs only in case, so case matters
	folded    []*gatelodge.Route // by route: its path in lower case
	upper     bool               // a route has an upper-case letter
}

// compileReadings returns nil if all routes have the same protections, because then the
// reading does not matter.
func compileReadings(routes []*gatelodge.Route) *readings {
	mixed := false
	for _, r := range routes {
		mixed = mixed || !r.Policy.SameProtection(routes[0].Policy)
	}
	if !mixed {
		return nil
	}
	m := &readings{sensitive: make([]bool, len(routes)), folded: make([]*gatelodge.Route, len(routes))}
	spelt := make(map[string]string, len(routes)) // lower case to the first spelling
	several := make(map[string]bool)
	for i, r := range routes {
		folded := *r
		folded.Path = strings.ToLower(r.Path)
		m.folded[i] = &folded
		m.upper = m.upper || folded.Path != r.Path
		if first, ok := spelt[folded.Path]; ok && first != r.Path {
			several[folded.Path] = true
		} else {
			spelt[folded.Path] = r.Path
		}
	}
	for i, r := range m.folded {
		m.sensitive[i] = several[r.Path]
	}
	return m
}

// ambiguous returns an answer if another reading of the path (in the form for
// comparison) leads to other protections, and otherwise nil.
func (r *request) ambiguous(path string) *answer {
	h := r.host
	if h.readings == nil || r.table.settings.AmbiguousPaths {
		return nil
	}
	meant, reads := "", ""
	visit := func(reading string) bool {
		if other := h.match(reading); r.otherProtection(other) {
			meant, reads = other.source.Path, reading
			return false
		}
		if other := h.readings.match(h, reading); r.otherProtection(other) {
			meant, reads = other.source.Path, reading+" in other letters"
			return false
		}
		return true
	}
	var err error
	if visit(path) {
		err = gatelodge.OtherReadings(path, visit)
	}
	switch {
	case meant != "":
		return &answer{
			status: 400, text: "Bad Request: the path can be read in several ways",
			reason: fmt.Sprintf("the path can be read as %s, to which route %s with other protections applies", reads, meant),
		}
	case err != nil:
		return badRequest("the path " + err.Error())
	}
	return nil
}

func (r *request) otherProtection(other *route) bool {
	return other != nil && other != r.route && !other.source.Policy.SameProtection(r.route.source.Policy)
}

// match returns the first route for the path when letter case is ignored, except for
// routes that differ only in case.
func (m *readings) match(h *host, path string) *route {
	folded := strings.ToLower(path)
	if folded == path && !m.upper {
		return nil // the same result as with case
	}
	matches := func(i int) bool {
		if m.sensitive[i] {
			return h.routes[i].source.Matches(path)
		}
		return m.folded[i].Matches(folded)
	}
	if h.startFirst || h.locations != "" {
		if r := h.before(matches); r != nil {
			return r
		}
	}
	for i, r := range h.routes {
		if matches(i) {
			return r
		}
	}
	return nil
}

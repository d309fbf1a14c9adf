package dashboard

import (
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// problems lists the problems that match.
func (d *Dashboard) problems(w http.ResponseWriter, r *http.Request) {
	s, _, _ := d.snapshot()
	l := readList(r, "problems")
	words := l.words()
	found := make(map[gatelodge.Reason]int)
	var rows []gatelodge.Problem
	total := 0
	for p := range s.Problems.All() {
		if len(words) > 0 && !matches(strings.ToLower(p.String()), words) {
			continue
		}
		total++
		found[p.Reason]++
		if l.Only == "" || l.Only == string(p.Reason) {
			rows = append(rows, p)
		}
	}
	content := struct {
		List    *list
		Classes []class
		Rows    []gatelodge.Problem
	}{List: &l, Classes: []class{l.class("", "All", total)}}
	for _, reason := range slices.Sorted(maps.Keys(found)) {
		content.Classes = append(content.Classes, l.class(string(reason), string(reason), found[reason]))
	}
	content.Rows = cut(&l, rows)
	d.show(w, http.StatusOK, "problems", page{Title: "Problems", Current: "problems", Content: content})
}

// problemReasons counts the problems of each reason, in the order of the names.
func problemReasons(s *gatelodge.Snapshot) iter.Seq2[gatelodge.Reason, int] {
	counts := make(map[gatelodge.Reason]int)
	for p := range s.Problems.All() {
		counts[p.Reason]++
	}
	return func(yield func(gatelodge.Reason, int) bool) {
		for _, reason := range slices.Sorted(maps.Keys(counts)) {
			if !yield(reason, counts[reason]) {
				return
			}
		}
	}
}

package dashboard

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// backendRow is a backend in the list.
type backendRow struct {
	*gatelodge.Backend
	State    state
	Ready    int
	Draining int
	Shown    []gatelodge.Endpoint
	rate
}

// mostEndpoints is the maximum in a row; a backend may have thousands.
const mostEndpoints = 20

// backends lists the backends that match, with the state of their endpoints.
func (d *Dashboard) backends(w http.ResponseWriter, r *http.Request) {
	s, _, _ := d.snapshot()
	l := readList(r, "backends")
	words := l.words()
	rates, over := d.rates.rates()
	var rows []backendRow
	found := make(map[state]int)
	for _, b := range s.Backends.All() {
		if !matches(strings.ToLower(string(b.Key)), words) {
			continue
		}
		row := backendRow{Backend: b, State: ok, rate: rates[serviceName{b.Namespace, b.Service}]}
		for _, e := range b.Endpoints {
			if e.Draining {
				row.Draining++
			} else {
				row.Ready++
			}
		}
		switch {
		case len(b.Endpoints) == 0:
			row.State = broken
		case row.Failures > 0 || row.Ready == 0:
			row.State = warning
		}
		row.Shown = b.Endpoints[:min(len(b.Endpoints), mostEndpoints)]
		found[row.State]++
		if l.Only == "" || l.Only == string(row.State) {
			rows = append(rows, row)
		}
	}
	if r.FormValue("sort") == "requests" {
		slices.SortStableFunc(rows, func(a, b backendRow) int { return int(max(-1, min(1, b.Requests-a.Requests))) })
	}
	content := struct {
		List    *list
		Classes []class
		Rows    []backendRow
		Over    string // the period of the rates; "": not known yet
	}{List: &l}
	if over > 0 {
		content.Over = strings.TrimPrefix(from(over), "in ")
		if over < 2*time.Minute {
			content.Over = fmt.Sprintf("%.0f seconds", over.Seconds())
		}
	}
	content.Classes = []class{
		l.class("", "All", found[ok]+found[warning]+found[broken]),
		l.class(string(broken), "Without endpoints", found[broken]), l.class(string(warning), "Failing", found[warning]), l.class(string(ok), "OK", found[ok]),
	}
	content.Rows = cut(&l, rows)
	d.show(w, http.StatusOK, "backends", page{Title: "Backends", Current: "backends", Ticks: true, Content: content})
}

// PerSecond formats a rate per second.
func (rate) PerSecond(n float64) string {
	switch {
	case n == 0:
		return "0"
	case n < 0.01:
		return "<0.01"
	case n < 10:
		return fmt.Sprintf("%.2f", n)
	}
	return grouped(int(n + 0.5))
}

// Millis formats a time; "–" without a try.
func (rate) Millis(t time.Duration) string {
	switch {
	case t == 0:
		return "–"
	case t < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", t.Seconds()*1000)
	case t < time.Second:
		return fmt.Sprintf("%.0f ms", t.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f s", t.Seconds())
}

package dashboard

import (
	"net/http"

	gatelodge "gatelodge.dev"
)

// overview is the first page.
func (d *Dashboard) overview(w http.ResponseWriter, _ *http.Request) {
	s, _, _ := d.snapshot()
	x := d.indexed()
	type reason struct {
		Reason gatelodge.Reason
		Count  int
	}
	var content struct {
		Hosts            int
		Broken, Warnings []hostEntry
		BrokenCount      int
		WarningCount     int
		Problems         int
		Reasons          []reason
		Backends, Zones  int
		Certificates     []certificateRow
		Changes          []generation
	}
	const most = 10 // rows of each list
	content.Hosts, content.BrokenCount, content.WarningCount = len(x.hosts), x.count[broken], x.count[warning]
	for _, h := range x.hosts {
		switch {
		case h.State == broken && len(content.Broken) < most:
			content.Broken = append(content.Broken, h)
		case h.State == warning && len(content.Warnings) < most:
			content.Warnings = append(content.Warnings, h)
		}
	}
	content.Problems, content.Backends = s.Problems.Len(), s.Backends.Len()
	for name, n := range problemReasons(s) {
		content.Reasons = append(content.Reasons, reason{name, n})
	}
	for _, v := range s.Views {
		content.Zones += len(v.Zones)
	}
	content.Certificates = d.certificateRows()
	content.Certificates = content.Certificates[:min(5, len(content.Certificates))]
	content.Changes = d.history.latest(8)
	d.show(w, http.StatusOK, "overview", page{Title: "Overview", Current: "./", Content: content})
}

// hosts lists the hosts that match.
func (d *Dashboard) hosts(w http.ResponseWriter, r *http.Request) {
	x := d.indexed()
	l := readList(r, "hosts")
	var rows []hostEntry
	words := l.words()
	found := make(map[state]int)
	for _, h := range x.hosts {
		if !matches(h.text, words) {
			continue
		}
		found[h.State]++
		if l.Only == "" || l.Only == string(h.State) {
			rows = append(rows, h)
		}
	}
	content := struct {
		List    *list
		Classes []class
		Rows    []hostEntry
		Name    gatelodge.Name // a name in the query without a host
	}{List: &l}
	content.Classes = []class{
		l.class("", "All", found[ok]+found[warning]+found[broken]),
		l.class(string(broken), "Broken", found[broken]), l.class(string(warning), "Warnings", found[warning]), l.class(string(ok), "OK", found[ok]),
	}
	content.Rows = cut(&l, rows)
	if name, err := gatelodge.ParseName(l.Query); err == nil && l.Total == 0 && l.Query != "" {
		content.Name = name
	}
	d.show(w, http.StatusOK, "hosts", page{Title: "Hosts", Current: "hosts", Content: content})
}

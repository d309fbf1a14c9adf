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
		Name    gatelodge.Name // that the query may mean, though no host has it
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

// host is the page of one name, served or not.
func (d *Dashboard) host(w http.ResponseWriter, r *http.Request) {
	s, _, _ := d.snapshot()
	x := d.indexed()
	name := gatelodge.Name(r.FormValue("name"))
	if name != "" {
		parsed, err := gatelodge.ParseName(string(name))
		if err != nil {
			d.missing(w, http.StatusBadRequest, "“"+string(name)+"” is not a valid name")
			return
		}
		name = parsed
	}
	var content struct {
		Name         gatelodge.Name
		Entry        hostEntry
		Host         *gatelodge.Host // nil: none has the name
		Wildcard     gatelodge.Name  // the host that answers in its place; "": none does
		Routes       []routeRow
		Certificates []certificateRow
		Records      []recordRow
		Problems     []gatelodge.Problem
	}
	content.Name, content.Host = name, s.Hosts.Get(name)
	serving := content.Host
	if serving == nil {
		serving, content.Wildcard = wildcardFor(s, name)
	}
	if serving != nil {
		content.Entry = x.entry(serving)
		content.Routes = x.routeRows(serving)
		for _, c := range serving.Certificates {
			content.Certificates = append(content.Certificates, d.certificateRow(c))
		}
		content.Problems = x.problemsOf(serving)
	}
	content.Records = recordRows(s, name)
	status := http.StatusOK
	if serving == nil {
		status = http.StatusNotFound
	}
	d.show(w, status, "host", page{Title: hostName(name), Current: "hosts", Ticks: true, Content: content})
}

// wildcardFor returns the host that answers for a name which has no entry.
func wildcardFor(s *gatelodge.Snapshot, name gatelodge.Name) (*gatelodge.Host, gatelodge.Name) {
	for _, other := range []gatelodge.Name{name.Wildcard(), ""} {
		if h := s.Hosts.Get(other); h != nil {
			return h, other
		}
	}
	return nil, ""
}

// routeRow is a route in the table of a host.
type routeRow struct {
	*gatelodge.Route
	Policies string
	Stops    string // why it gives no answers; "": it may
}

func (x *index) routeRows(h *gatelodge.Host) (rows []routeRow) {
	for _, r := range h.Routes[:min(len(h.Routes), 200)] {
		rows = append(rows, routeRow{Route: r, Policies: r.Policy.String(), Stops: x.stops(r)})
	}
	return rows
}

// problemsOf lists those of the objects that the host is made of.
func (x *index) problemsOf(h *gatelodge.Host) (problems []gatelodge.Problem) {
	seen := make(map[objectName]bool)
	for _, o := range objectsOf(h) {
		if name := nameOf(o); !seen[name] {
			seen[name] = true
			problems = append(problems, x.problems[name]...)
		}
	}
	return problems[:min(len(problems), perPage)]
}

// recordRow is a record in one view.
type recordRow struct {
	View string
	gatelodge.Record
}

func recordRows(s *gatelodge.Snapshot, name gatelodge.Name) (rows []recordRow) {
	for _, v := range s.Views {
		for _, z := range v.Zones {
			if node := z.Nodes.Get(name); node != nil {
				for _, r := range node.Records[:min(len(node.Records), perPage)] {
					rows = append(rows, recordRow{v.Name, r})
				}
			}
		}
	}
	return rows
}

// missing is the page in the place of one that there is not.
func (d *Dashboard) missing(w http.ResponseWriter, status int, why string) {
	d.show(w, status, "missing", page{Title: "Not found", Content: why})
}

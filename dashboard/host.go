package dashboard

import (
	"cmp"
	"net/http"
	"net/url"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/explain"
)

// hostPage is the content of the page of one name.
type hostPage struct {
	Name         gatelodge.Name
	Path         string // the path that is explained
	Explained    *explain.Document
	Unexplained  string // why there is no explanation; "": there is one
	Entry        hostEntry
	Host         *gatelodge.Host // nil: no host has the name
	Wildcard     gatelodge.Name  // the wildcard host that answers instead; "": none
	Routes       []routeRow
	Certificates []certificateRow
	Records      []recordRow
	Problems     []gatelodge.Problem
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
	var content hostPage
	content.Name, content.Host = name, s.Hosts.Get(name)
	serving := content.Host
	if serving == nil {
		serving, content.Wildcard = wildcardFor(s, name)
	}
	if serving != nil {
		content.Entry = x.entry(serving)
		content.Routes = x.routeRows(serving)
		for _, c := range serving.Certificates {
			row := d.certificateRow(c)
			row.Hosts, row.Host = 1, serving.Name
			content.Certificates = append(content.Certificates, row)
		}
		content.Problems = x.problemsOf(serving)
	}
	content.Records = recordRows(s, name)
	d.explain(&content, r.FormValue("path"))
	status := http.StatusOK
	if serving == nil {
		status = http.StatusNotFound
	}
	d.show(w, status, "host", page{Title: hostName(name), Current: "hosts", Ticks: true, Content: content})
}

// explain adds the explanation for a path of the host. Without a path it is that of the
// first route that does not work, otherwise "/".
func (d *Dashboard) explain(content *hostPage, path string) {
	if content.Name == "" {
		return // there is no name to request
	}
	for _, r := range content.Routes {
		if path == "" && r.Stops != "" && r.Match != gatelodge.PathPattern {
			path = r.Path
		}
	}
	content.Path = cmp.Or(path, "/")
	address := url.URL{Path: content.Path}
	var err error
	if content.Explained, err = d.Explain(string(content.Name) + address.EscapedPath()); err != nil {
		content.Unexplained = err.Error()
	}
}

// To returns the page that explains the route; "": a pattern is not a path.
func (r routeRow) To(name gatelodge.Name) string {
	if r.Match == gatelodge.PathPattern {
		return ""
	}
	return "host?" + url.Values{"name": {string(name)}, "path": {r.Path}}.Encode()
}

// wildcardFor returns the wildcard host that answers for a name without a host.
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
	Stops    string // why it gives no answers; "": it can
}

func (x *index) routeRows(h *gatelodge.Host) (rows []routeRow) {
	for _, r := range h.Routes[:min(len(h.Routes), 200)] {
		rows = append(rows, routeRow{Route: r, Policies: r.Policy.String(), Stops: x.stops(r)})
	}
	return rows
}

// problemsOf lists the problems of the objects of the host.
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

// missing renders the page for something that does not exist.
func (d *Dashboard) missing(w http.ResponseWriter, status int, why string) {
	d.show(w, status, "missing", page{Title: "Not found", Content: why})
}

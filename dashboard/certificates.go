package dashboard

import (
	"net/http"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// certificateRow is a certificate in a list.
type certificateRow struct {
	*gatelodge.Certificate
	State state
	Left  string              // until it expires
	Hosts int                 // hosts whose first certificate it is
	Host  gatelodge.Name      // one of them
	Order *gatelodge.Issuance // the order for its renewal; nil: the gateway does not renew it
}

// certificateRow returns a row without the values that need a list of all certificates.
func (d *Dashboard) certificateRow(c *gatelodge.Certificate) certificateRow {
	left := c.NotAfter.Sub(d.Now())
	row := certificateRow{Certificate: c, State: ok, Left: from(left)}
	switch {
	case left < 0:
		row.State = broken
	case left < soon(c):
		row.State = warning
	}
	return row
}

// certificateRows lists all certificates in use, in the order of expiry.
func (d *Dashboard) certificateRows() (rows []certificateRow) {
	s, _, _ := d.snapshot()
	at := make(map[*gatelodge.Certificate]int)
	add := func(c *gatelodge.Certificate) int {
		i, known := at[c]
		if !known {
			i = len(rows)
			at[c] = i
			rows = append(rows, d.certificateRow(c))
		}
		return i
	}
	for _, c := range s.DefaultCertificates {
		add(c)
	}
	for _, h := range s.Hosts.All() {
		for i, c := range h.Certificates {
			row := add(c)
			if i == 0 {
				if rows[row].Hosts == 0 {
					rows[row].Host = h.Name
				}
				rows[row].Hosts++
			}
		}
	}
	if s.Issuing != nil {
		for _, order := range s.Issuing.Issuances.All() {
			if i, known := at[order.Certificate]; known {
				rows[i].Order = order
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b certificateRow) int { return a.NotAfter.Compare(b.NotAfter) })
	return rows
}

// text returns the text for searches.
func (c certificateRow) text() string { return strings.ToLower(c.Certificate.String()) }

// waiting is a certificate that is requested but does not exist yet.
type waiting struct {
	*gatelodge.Issuance
	Problems []gatelodge.Problem
}

// certificates lists the certificates that match, and those that don't exist yet.
func (d *Dashboard) certificates(w http.ResponseWriter, r *http.Request) {
	s, _, _ := d.snapshot()
	x := d.indexed()
	l := readList(r, "certificates")
	words := l.words()
	content := struct {
		List    *list
		Classes []class
		Rows    []certificateRow
		Waiting []waiting
		More    int
		Now     time.Time
	}{List: &l, Now: d.Now()}
	if s.Issuing != nil {
		for key, order := range s.Issuing.Issuances.All() {
			if order.Certificate != nil || len(order.Askers) == 0 || !matches(string(key.Name), words) {
				continue
			}
			if len(content.Waiting) == perPage {
				content.More++
				continue
			}
			row := waiting{Issuance: order}
			for _, p := range x.problems[nameOf(order.Askers[0])] {
				if p.Reason == gatelodge.NotIssued {
					row.Problems = append(row.Problems, p)
				}
			}
			content.Waiting = append(content.Waiting, row)
		}
	}
	var rows []certificateRow
	found := make(map[state]int)
	for _, row := range d.certificateRows() {
		if !matches(row.text(), words) {
			continue
		}
		found[row.State]++
		if l.Only == "" || l.Only == string(row.State) {
			rows = append(rows, row)
		}
	}
	content.Classes = []class{
		l.class("", "All", found[ok]+found[warning]+found[broken]),
		l.class(string(broken), "Expired", found[broken]), l.class(string(warning), "Expiring", found[warning]), l.class(string(ok), "OK", found[ok]),
	}
	content.Rows = cut(&l, rows)
	d.show(w, http.StatusOK, "certificates", page{Title: "Certificates", Current: "certificates", Content: content})
}

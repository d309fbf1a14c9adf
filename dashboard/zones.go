package dashboard

import (
	"net/http"

	gatelodge "gatelodge.dev"
)

// zones lists each zone in each view.
func (d *Dashboard) zones(w http.ResponseWriter, _ *http.Request) {
	s, _, _ := d.snapshot()
	type row struct {
		*gatelodge.Zone
		View   string
		Serial uint32
		Serves bool // it has a serial, so its SOA record is served
	}
	var content struct {
		Views     []*gatelodge.View
		Rows      []row
		Transfers []*gatelodge.Transfer
	}
	content.Views, content.Transfers = s.Views, s.Transfers
	for _, v := range s.Views {
		for _, z := range v.Zones {
			r := row{Zone: z, View: v.Name}
			r.Serial, r.Serves = d.Serial(z.Name, v.Name)
			content.Rows = append(content.Rows, r)
		}
	}
	d.show(w, http.StatusOK, "zones", page{Title: "Zones", Current: "zones", Content: content})
}

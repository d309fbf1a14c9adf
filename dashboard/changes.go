package dashboard

import "net/http"

// changes lists what the last generations changed.
func (d *Dashboard) changes(w http.ResponseWriter, _ *http.Request) {
	content := struct {
		Generations []generation
		Kept        int
	}{d.history.latest(mostGenerations), mostGenerations}
	d.show(w, http.StatusOK, "changes", page{Title: "Changes", Current: "changes", Content: content})
}

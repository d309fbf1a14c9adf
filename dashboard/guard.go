package dashboard

import (
	"errors"
	"net/http"

	gatelodge "gatelodge.dev"
)

// guardPage is the content of the guard's page.
type guardPage struct {
	Guard
	Listed []gatelodge.Name // the first of Guard.Hosts that fit on a page
	Things []gatelodge.Object
	More   int
	Error  string
	Done   bool
}

// mostHeld limits the names on the page; the API has all of them.
const mostHeld = 1000

func (d *Dashboard) guard(w http.ResponseWriter, r *http.Request) {
	d.showGuard(w, http.StatusOK, guardPage{Done: r.FormValue("confirmed") != ""})
}

func (d *Dashboard) showGuard(w http.ResponseWriter, status int, content guardPage) {
	content.Guard = d.Guard()
	content.Listed = content.Hosts[:min(len(content.Hosts), mostHeld)]
	content.Things = content.Objects[:min(len(content.Objects), mostHeld)]
	content.More = len(content.Hosts) - len(content.Listed) + len(content.Objects) - len(content.Things)
	d.show(w, status, "guard", page{Title: "Guard", Current: "guard", Content: content})
}

// confirm handles the only action of the dashboard. The admin endpoint has checked that
// the form is not from another site.
func (d *Dashboard) confirm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	hash := r.PostFormValue("hash")
	if hash == "" || r.PostFormValue("read") != "yes" {
		d.showGuard(w, http.StatusBadRequest, guardPage{Error: "nothing was confirmed: say that you have read the list"})
		return
	}
	switch err := d.Confirm(r.Context(), hash); {
	case errors.Is(err, ErrNotConfirmed):
		d.showGuard(w, http.StatusConflict, guardPage{Error: err.Error()})
	case err != nil:
		d.showGuard(w, http.StatusBadGateway, guardPage{Error: "confirmed on this replica only: " + err.Error()})
	default:
		http.Redirect(w, r, "guard?confirmed="+hash, http.StatusSeeOther)
	}
}

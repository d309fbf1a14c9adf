package main

import (
	"errors"
	"net/http"
	"time"

	"gatelodge.dev/kube/guard"
)

// apiGuard is what the withdrawal guard does.
type apiGuard struct {
	Holding  bool       `json:"holding"`
	Starting bool       `json:"starting"` // nothing is served yet, for there is too little
	Hash     string     `json:"hash,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	Hosts    []string   `json:"hosts"`   // that are withheld, all of them
	Objects  []string   `json:"objects"` // that are kept because a whole list lacked them
}

func (a *admin) guard(w http.ResponseWriter, _ *http.Request) {
	status := a.gateway.guard.Status()
	guard := apiGuard{Holding: status.Holding, Starting: status.Starting, Hash: status.Hash, Hosts: []string{}, Objects: []string{}}
	if !status.Until.IsZero() {
		guard.Until = &status.Until
	}
	for _, name := range status.Hosts {
		guard.Hosts = append(guard.Hosts, string(name))
	}
	for _, object := range status.Objects {
		guard.Objects = append(guard.Objects, object.String())
	}
	writeJSON(w, guard)
}

// confirm lets go ahead what the guard holds. It is 409 where nothing is held,
// or something else than was meant.
func (a *admin) confirm(w http.ResponseWriter, r *http.Request) {
	hash, err := a.gateway.confirm(r.Context(), r.URL.Query().Get("hash"))
	switch {
	case errors.Is(err, guard.ErrNothingHeld), errors.Is(err, guard.ErrOtherHash):
		writeText(w, http.StatusConflict, err.Error()+"\n")
	case err != nil:
		writeText(w, http.StatusBadGateway, "confirmed "+hash+" on this replica alone: "+err.Error()+"\n")
	default:
		writeText(w, http.StatusOK, "confirmed "+hash+"\n")
	}
}

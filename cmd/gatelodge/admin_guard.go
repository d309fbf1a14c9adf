package main

import (
	"errors"
	"net/http"
	"time"

	"gatelodge.dev/kube/guard"
)

// apiGuard is the JSON form of the withdrawal guard's status.
type apiGuard struct {
	Holding  bool       `json:"holding"`
	Starting bool       `json:"starting"` // the start is delayed, because there are far fewer hosts than before
	Hash     string     `json:"hash,omitempty"`
	Until    *time.Time `json:"until,omitempty"`
	Hosts    []string   `json:"hosts"`   // all hosts that the guard withholds
	Objects  []string   `json:"objects"` // kept because a new list lacks them
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

// confirm confirms what the guard holds. The status is 409 if nothing is held, or
// something with another hash.
func (a *admin) confirm(w http.ResponseWriter, r *http.Request) {
	hash, err := a.gateway.confirm(r.Context(), r.URL.Query().Get("hash"))
	switch {
	case errors.Is(err, guard.ErrNothingHeld), errors.Is(err, guard.ErrOtherHash):
		writeText(w, http.StatusConflict, err.Error()+"\n")
	case err != nil:
		writeText(w, http.StatusBadGateway, "confirmed "+hash+" only on this replica: "+err.Error()+"\n")
	default:
		writeText(w, http.StatusOK, "confirmed "+hash+"\n")
	}
}

package gatelodge

import (
	"net/netip"
	"time"
)

// Snapshot is everything that is served at one moment. It is built whole and never
// modified afterwards; Live replaces it in one step. Unchanged parts are shared
// with the previous Snapshot, so equal pointers mean equal content, and a server
// can reuse whatever it compiled from them.
type Snapshot struct {
	Settings            *Settings
	Listeners           []Listener
	Hosts               Map[Name, *Host]
	Backends            Map[BackendKey, *Backend] // every backend that a route names
	Views               []*View                   // in the configuration's order
	Own                 []netip.Addr              // addresses at which clients reach the gateway, sorted
	Withdrawn           []netip.Addr              // the subset of Own that DNS answers omit, because the address is about to go away
	Levels              []Levels                  // for the zones that define levels
	Transfers           []*Transfer               // one for each zone and set of views, in the configuration's order
	DefaultCertificates []*Certificate            // for names without a Host, in the configuration's order
	Challenges          []Challenge
	ChallengesVersion   string             // version of the Store item that Challenges were read from; "": there is none
	Issuing             *Issuing           // nil: this gateway does not issue certificates
	Problems            Map[Problem, bool] // a set: every value is true

	// RebuildAt is the earliest time at which a Build from the same objects would
	// give a different Snapshot, because a certificate becomes valid or expires.
	// The zero time means never.
	RebuildAt time.Time
}

// ViewFor returns the first view among those of a listener that serves the client,
// or "" if none does.
func (s *Snapshot) ViewFor(views []string, client netip.Addr) string {
	for _, name := range views {
		if s.View(name).IsFor(client) {
			return name
		}
	}
	return ""
}

// View returns the view with this name, or nil.
func (s *Snapshot) View(name string) *View {
	for _, v := range s.Views {
		if v.Name == name {
			return v
		}
	}
	return nil
}

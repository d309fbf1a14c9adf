package gatelodge

import (
	"net/netip"
	"time"
)

// Snapshot is everything that is served at one moment. It is built whole and
// never written afterwards; Live replaces it in one step. Parts that did not
// change are shared with the previous Snapshot, so equal pointers mean equal
// content, and what a server made of them can be used again.
type Snapshot struct {
	Settings            *Settings
	Listeners           []Listener
	Hosts               Map[Name, *Host]
	Backends            Map[BackendKey, *Backend] // those that a route names
	Views               []*View                   // in the configuration's order
	Own                 []netip.Addr              // the addresses at which the gateway is reached, sorted
	Withdrawn           []netip.Addr              // those of Own that answers don't name, because they are about to go
	Levels              []Levels                  // of the zones that have some
	Transfers           []*Transfer               // of zones, in the configuration's order
	DefaultCertificates []*Certificate            // for names that no Host has, in the configuration's order
	Challenges          []Challenge
	ChallengesVersion   string             // of the item in the Store that Challenges were read from; "" for none
	Issuing             *Issuing           // nil: certificates are not issued here
	Problems            Map[Problem, bool] // true for each that there is

	// RebuildAt is when a Build from the same objects would give another
	// Snapshot, because a certificate begins or ends; zero: never.
	RebuildAt time.Time
}

// ViewFor returns the first of these views, which are a listener's, that is for the
// client, "" if none is.
func (s *Snapshot) ViewFor(views []string, client netip.Addr) string {
	for _, name := range views {
		if s.View(name).IsFor(client) {
			return name
		}
	}
	return ""
}

// View returns the view of this name, and nil if there is none.
func (s *Snapshot) View(name string) *View {
	for _, v := range s.Views {
		if v.Name == name {
			return v
		}
	}
	return nil
}

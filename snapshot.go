package gatelodge

import (
	"slices"
	"strings"
	"time"
)

// Snapshot is everything that is served at one moment. It is built whole and
// never written afterwards; Live replaces it in one step. Parts that did not
// change are shared with the Snapshot before, so equal pointers mean equal
// content, and whoever compiles a Snapshot may reuse what it made of them.
type Snapshot struct {
	Settings            *Settings
	Listeners           []Listener
	Hosts               []*Host        // sorted by Name.Compare
	Backends            []*Backend     // sorted by key; those that a route names
	Views               []*View        // in the configuration's order
	DefaultCertificates []*Certificate // for names that no Host has, in the configuration's order
	Challenges          []Challenge
	ChallengesVersion   string    // of the item in the Store that Challenges were read from; "" for none
	Issuing             *Issuing  // nil: certificates are not issued here
	Problems            []Problem // sorted

	// RebuildAt is when a Build from the same objects would give another
	// Snapshot, because a certificate begins or ends; zero: never.
	RebuildAt time.Time
}

// Host returns the host of exactly this name, and nil if there is none. It is
// for tools and tests: the servers compile tables of their own.
func (s *Snapshot) Host(name Name) *Host {
	return find(s.Hosts, func(h *Host) int { return h.Name.Compare(name) })
}

// Backend returns the backend of this key, and nil if there is none.
func (s *Snapshot) Backend(key string) *Backend {
	return find(s.Backends, func(b *Backend) int { return strings.Compare(b.Key, key) })
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

// CompareHosts orders hosts as in Snapshot.Hosts.
func CompareHosts(a, b *Host) int { return a.Name.Compare(b.Name) }

// CompareBackends orders backends as in Snapshot.Backends.
func CompareBackends(a, b *Backend) int { return strings.Compare(a.Key, b.Key) }

// find searches items, which are sorted by what compare compares them with.
func find[T any](items []*T, compare func(*T) int) *T {
	i, found := slices.BinarySearchFunc(items, struct{}{}, func(item *T, _ struct{}) int { return compare(item) })
	if !found {
		return nil
	}
	return items[i]
}

package tls

import (
	"testing"

	"gatelodge.dev"
)

// TestTableReuse: a Snapshot that changes no host needs no new map.
func TestTableReuse(t *testing.T) {
	a, b := &gatelodge.Host{Name: "a.test"}, &gatelodge.Host{Name: "b.test"}
	first := compile(&gatelodge.Snapshot{Hosts: []*gatelodge.Host{a, b}}, nil)
	same := compile(&gatelodge.Snapshot{Hosts: []*gatelodge.Host{a, b}}, first)
	other := compile(&gatelodge.Snapshot{Hosts: []*gatelodge.Host{a}}, same)
	if first.hosts != same.hosts {
		t.Error("unchanged hosts were compiled again")
	}
	if other.hosts == same.hosts || other.hosts.Get("b.test") != nil {
		t.Error("a removed host is still in the table")
	}
}

package tls

import (
	"reflect"
	"testing"

	"gatelodge.dev"
)

// TestTableReuse: a Snapshot that changes no host costs no new map.
func TestTableReuse(t *testing.T) {
	a, b := &gatelodge.Host{Name: "a.test"}, &gatelodge.Host{Name: "b.test"}
	first := compile(&gatelodge.Snapshot{Hosts: []*gatelodge.Host{a, b}}, nil)
	same := compile(&gatelodge.Snapshot{Hosts: []*gatelodge.Host{a, b}}, first)
	other := compile(&gatelodge.Snapshot{Hosts: []*gatelodge.Host{a}}, same)
	mapOf := func(t *table) uintptr { return reflect.ValueOf(t.hosts).Pointer() }
	if mapOf(first) != mapOf(same) {
		t.Error("unchanged hosts were compiled again")
	}
	if mapOf(other) == mapOf(same) || other.hosts["b.test"] != nil {
		t.Error("a host that is gone is still in the table")
	}
}

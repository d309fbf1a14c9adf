package tls

import (
	"testing"

	"gatelodge.dev"
)

// TestTrustIsShared: hosts that trust the same authorities share what is compiled
// of them, for as long as there is one.
func TestTrustIsShared(t *testing.T) {
	trusting := func(name gatelodge.Name, key string) *gatelodge.Host {
		return &gatelodge.Host{Name: name, ClientAuth: &gatelodge.ClientAuth{Trust: &gatelodge.ClientTrust{Key: key}}}
	}
	of := func(t *table, name gatelodge.Name) *clientTrust { return t.trustOf(t.hosts.Get(name)) }
	a, b, z := trusting("a.test", "one"), trusting("b.test", "one"), trusting("z.test", "one")

	first := compile(&gatelodge.Snapshot{Hosts: gatelodge.HostMap(a, b)}, nil)
	if of(first, "a.test") == nil || of(first, "a.test") != of(first, "b.test") {
		t.Error("two hosts of one trust do not share it")
	}
	same := compile(&gatelodge.Snapshot{Hosts: first.hosts}, first)
	if same.hosts != first.hosts || same.trusts != first.trusts {
		t.Error("unchanged hosts were compiled again")
	}
	moved := compile(&gatelodge.Snapshot{Hosts: gatelodge.HostMap(z)}, same)
	if of(moved, "z.test") != of(first, "a.test") {
		t.Error("a trust that another host has now was compiled again")
	}
	other := compile(&gatelodge.Snapshot{Hosts: gatelodge.HostMap(trusting("z.test", "two"))}, moved)
	if of(other, "z.test") == nil || other.trusts.Len() != 1 {
		t.Errorf("%d trusts for one host", other.trusts.Len())
	}
	if none := compile(&gatelodge.Snapshot{}, other); none.trusts.Len() != 0 || of(none, "z.test") != nil {
		t.Errorf("%d trusts without a host", none.trusts.Len())
	}
}

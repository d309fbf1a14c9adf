package tls

import (
	"crypto/tls"
	"slices"

	"gatelodge.dev"
)

// table is a Snapshot's certificates by name.
type table struct {
	minVersion uint16
	list       []*gatelodge.Host // the Snapshot's, to see how hosts has to change
	hosts      gatelodge.SharedMap[gatelodge.Name, *gatelodge.Host]
	others     *gatelodge.Host          // the Host for names that no other matches; nil: there is none
	defaults   []*gatelodge.Certificate // for names that no Host has
	proofs     map[gatelodge.Name]*tls.Certificate
	trusts     map[string]*clientTrust // by key; those of hosts
}

// compile makes the table of next. Most Snapshots change no host at all, and
// then the map of the table before serves on.
func compile(next *gatelodge.Snapshot, previous *table) *table {
	t := &table{minVersion: tls.VersionTLS12, list: next.Hosts, defaults: next.DefaultCertificates, proofs: proofs(next.Challenges)}
	if next.Settings != nil && next.Settings.TLS.MinVersion > t.minVersion {
		t.minVersion = next.Settings.TLS.MinVersion
	}
	if previous == nil {
		previous = &table{}
	} else if slices.Equal(previous.list, next.Hosts) {
		t.hosts, t.others, t.trusts = previous.hosts, previous.others, previous.trusts
		return t
	}
	hosts := previous.hosts.Edit()
	gatelodge.Differences(previous.list, next.Hosts, gatelodge.CompareHosts, func(gone, added *gatelodge.Host) {
		switch {
		case added == nil:
			hosts.Delete(gone.Name)
		case added.Name != "":
			hosts.Put(added.Name, added)
		}
	})
	t.hosts = hosts.Map()
	if len(next.Hosts) > 0 && next.Hosts[0].Name == "" { // which sorts before every name
		t.others = next.Hosts[0]
	}
	t.trusts = make(map[string]*clientTrust)
	for _, h := range next.Hosts {
		t.addTrust(h, previous)
	}
	return t
}

// addTrust compiles whom the host trusts, once for all that trust the same.
func (t *table) addTrust(h *gatelodge.Host, previous *table) {
	key := h.ClientTrustKey()
	switch {
	case key == "" || t.trusts[key] != nil:
	case previous.trusts[key] != nil:
		t.trusts[key] = previous.trusts[key]
	default:
		t.trusts[key] = newClientTrust(h.ClientAuth.Trust)
	}
}

// choice is what can be shown in a handshake.
type choice struct {
	certificates []*gatelodge.Certificate // the preferred one first
	host         gatelodge.Name           // without certificates: the host to make one for; "" for a name that nobody serves
	trust        *clientTrust             // nil: clients are asked for no certificate
}

// choose finds the certificates for the name of an SNI extension (RFC 6066
// §3), which is empty when the client sent none.
//
// The host of exactly this name comes first, then the wildcard one label up,
// then the default certificates that cover the name. A client that sends no
// name can't tell a wrong certificate from a right one, and gets the defaults
// as they come.
func (t *table) choose(serverName string) choice {
	if serverName == "" {
		return choice{certificates: t.defaults, trust: t.trustOf(t.others)}
	}
	name, err := gatelodge.ParseName(serverName)
	if err != nil {
		return choice{trust: t.trustOf(t.others)}
	}
	exact, wildcard := t.hosts.Get(name), t.hosts.Get(name.Wildcard())
	switch {
	// An exact host has those of the wildcard above it that may serve it among
	// its own.
	case exact != nil:
		return choice{certificates: exact.Certificates, host: exact.Name, trust: t.trustOf(exact)}
	case wildcard != nil:
		return choice{certificates: wildcard.Certificates, host: wildcard.Name, trust: t.trustOf(wildcard)}
	}
	return choice{certificates: t.defaultsFor(name), trust: t.trustOf(t.others)}
}

func (t *table) trustOf(h *gatelodge.Host) *clientTrust {
	if h == nil {
		return nil
	}
	return t.trusts[h.ClientTrustKey()]
}

// defaultsFor returns the default certificates that cover a name which no Host
// has. Those for a Host are among its own certificates already.
func (t *table) defaultsFor(name gatelodge.Name) []*gatelodge.Certificate {
	var covering []*gatelodge.Certificate
	for _, c := range t.defaults {
		if c.Covers(name) {
			covering = append(covering, c)
		}
	}
	return covering
}

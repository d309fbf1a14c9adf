package tls

import (
	"crypto/tls"
	"slices"

	"gatelodge.dev"
)

// table holds a Snapshot's certificates by name.
type table struct {
	minVersion uint16
	list       []*gatelodge.Host // the Snapshot's, to compare with the next one's
	hosts      gatelodge.SharedMap[gatelodge.Name, *gatelodge.Host]
	catchAll   *gatelodge.Host                     // the Host for names that no other Host matches; nil: none
	defaults   []*gatelodge.Certificate            // for names that no Host has
	challenges map[gatelodge.Name]*tls.Certificate // for tls-alpn-01
	trusts     map[string]*clientTrust             // those of hosts, by key
}

// compile returns the table of next. Most Snapshots change no host at all, and
// then it reuses the previous table's map.
func compile(next *gatelodge.Snapshot, previous *table) *table {
	t := &table{minVersion: tls.VersionTLS12, list: next.Hosts, defaults: next.DefaultCertificates, challenges: challengeCertificates(next.Challenges)}
	if next.Settings != nil && next.Settings.TLS.MinVersion > t.minVersion {
		t.minVersion = next.Settings.TLS.MinVersion
	}
	if previous == nil {
		previous = &table{}
	} else if slices.Equal(previous.list, next.Hosts) {
		t.hosts, t.catchAll, t.trusts = previous.hosts, previous.catchAll, previous.trusts
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
		t.catchAll = next.Hosts[0]
	}
	t.trusts = make(map[string]*clientTrust)
	for _, h := range next.Hosts {
		t.addTrust(h, previous)
	}
	return t
}

// addTrust compiles the host's ClientTrust. Hosts with equal ones share it.
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
	host         gatelodge.Name           // without certificates: the host to make one for; "" for a name that isn't served
	trust        *clientTrust             // nil: don't ask the client for a certificate
}

// choose finds the certificates for the name of an SNI extension (RFC 6066
// §3), which is empty when the client sent none.
//
// The host of exactly this name comes first, then the wildcard one label up,
// then the default certificates that cover the name. A client that sends no
// name gets the default certificates in their order.
func (t *table) choose(serverName string) choice {
	if serverName == "" {
		return choice{certificates: t.defaults, trust: t.trustOf(t.catchAll)}
	}
	name, err := gatelodge.ParseName(serverName)
	if err != nil {
		return choice{trust: t.trustOf(t.catchAll)}
	}
	exact, wildcard := t.hosts.Get(name), t.hosts.Get(name.Wildcard())
	switch {
	// The certificates of an exact host include those of the wildcard above it
	// that it may use.
	case exact != nil:
		return choice{certificates: exact.Certificates, host: exact.Name, trust: t.trustOf(exact)}
	case wildcard != nil:
		return choice{certificates: wildcard.Certificates, host: wildcard.Name, trust: t.trustOf(wildcard)}
	}
	return choice{certificates: t.defaultsFor(name), trust: t.trustOf(t.catchAll)}
}

func (t *table) trustOf(h *gatelodge.Host) *clientTrust {
	if h == nil {
		return nil
	}
	return t.trusts[h.ClientTrustKey()]
}

// defaultsFor returns the default certificates that cover a name without a
// Host. A Host's own certificates include the defaults that cover it.
func (t *table) defaultsFor(name gatelodge.Name) []*gatelodge.Certificate {
	var covering []*gatelodge.Certificate
	for _, c := range t.defaults {
		if c.Covers(name) {
			covering = append(covering, c)
		}
	}
	return covering
}

package tls

import (
	"crypto/tls"
	"strings"

	"gatelodge.dev"
)

// table holds what handshakes need of a Snapshot.
type table struct {
	minVersion uint16
	hosts      gatelodge.Map[gatelodge.Name, *gatelodge.Host] // the Snapshot's
	defaults   []*gatelodge.Certificate                       // for names that no Host has
	challenges map[gatelodge.Name]*tls.Certificate            // for tls-alpn-01
	trusts     gatelodge.Map[trustKey, sharedTrust]           // those of hosts
}

// trustKey is the key of a gatelodge.ClientTrust.
type trustKey string

// Compare implements gatelodge.Ordered.
func (k trustKey) Compare(other trustKey) int { return strings.Compare(string(k), string(other)) }

// sharedTrust is compiled once for all hosts that trust the same authorities.
type sharedTrust struct {
	*clientTrust
	hosts int
}

// compile returns the table of next, at the cost of what changed since the
// previous one.
func compile(next *gatelodge.Snapshot, previous *table) *table {
	if previous == nil {
		previous = &table{}
	}
	t := &table{minVersion: tls.VersionTLS12, hosts: next.Hosts, defaults: next.DefaultCertificates, challenges: challengeCertificates(next.Challenges)}
	if next.Settings != nil && next.Settings.TLS.MinVersion > t.minVersion {
		t.minVersion = next.Settings.TLS.MinVersion
	}
	trusts := previous.trusts.Edit()
	count := func(h *gatelodge.Host, n int) {
		if h == nil || h.ClientTrustKey() == "" {
			return
		}
		key := trustKey(h.ClientTrustKey())
		shared := trusts.Get(key)
		if shared.clientTrust == nil {
			shared.clientTrust = previous.trusts.Get(key).clientTrust // which may have lost its last host just now
		}
		if shared.clientTrust == nil {
			shared.clientTrust = newClientTrust(h.ClientAuth.Trust)
		}
		if shared.hosts += n; shared.hosts == 0 {
			shared = sharedTrust{}
		}
		trusts.Set(key, shared)
	}
	for _, change := range next.Hosts.Changes(previous.hosts) {
		count(change.Before, -1)
		count(change.After, +1)
	}
	t.trusts = trusts.Map()
	return t
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
//
// In the view of a listener that does not have the host, its name is one that is not
// served.
func (t *table) choose(serverName, view string) choice {
	catchAll := t.hosts.Get("").In(view)
	if serverName == "" {
		return choice{certificates: t.defaults, trust: t.trustOf(catchAll)}
	}
	name, err := gatelodge.ParseName(serverName)
	if err != nil {
		return choice{trust: t.trustOf(catchAll)}
	}
	// The certificates of an exact host include those of the wildcard above it that it
	// may use.
	h := t.hosts.Get(name)
	if h == nil {
		h = t.hosts.Get(name.Wildcard())
	}
	if h = h.In(view); h != nil && h.Name != "" {
		return choice{certificates: h.Certificates, host: h.Name, trust: t.trustOf(h)}
	}
	return choice{certificates: t.defaultsFor(name), trust: t.trustOf(catchAll)}
}

func (t *table) trustOf(h *gatelodge.Host) *clientTrust {
	if h == nil {
		return nil
	}
	return t.trusts.Get(trustKey(h.ClientTrustKey())).clientTrust
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

package tls_test

import (
	"crypto/tls"
	"crypto/x509/pkix"
	"testing"

	"gatelodge.dev"
)

// oneSession is a client's cache that offers the last session to any server, as
// an attacker would who tries where a ticket is accepted.
type oneSession struct{ last *tls.ClientSessionState }

func (c *oneSession) Get(string) (*tls.ClientSessionState, bool) { return c.last, c.last != nil }

func (c *oneSession) Put(_ string, session *tls.ClientSessionState) {
	if session != nil {
		c.last = session
	}
}

func inVersions(t *testing.T, test func(t *testing.T, version uint16)) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) { test(t, version) })
	}
}

// TestTicketsOfOtherReplicas: a session is resumed by another process that has
// the same keys, or the previous or next ones.
func TestTicketsOfOtherReplicas(t *testing.T) {
	k := gatelodge.NewKeys()
	following := gatelodge.Keys{Previous: k.Current, Current: k.Next, Next: gatelodge.NewKeys().Next}
	later := gatelodge.Keys{Previous: following.Current, Current: following.Next, Next: gatelodge.NewKeys().Next}
	for _, c := range []struct {
		name       string
		began, now gatelodge.Keys
		resumes    bool
	}{
		{"the same keys", k, k, true},
		{"one key ahead", k, following, true},
		{"one key behind", following, k, true},
		{"two keys ahead", k, later, false},
		{"other keys", k, gatelodge.NewKeys(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inVersions(t, func(t *testing.T, version uint16) {
				snapshot := serving(host("shop.example.com", newCertificates(t).ecdsa("shop.example.com")))
				first, second := start(t, snapshot), start(t, snapshot)
				first.server.UseTicketKeys(c.began)
				second.server.UseTicketKeys(c.now)
				config := client("shop.example.com")
				config.MaxVersion, config.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
				first.mustDial(config)
				if resumed := second.mustDial(config).ConnectionState().DidResume; resumed != c.resumes {
					t.Errorf("resumed: %t, want %t", resumed, c.resumes)
				}
			})
		})
	}
}

// TestTicketsOfOneProcess: without shared keys no other process can resume.
func TestTicketsOfOneProcess(t *testing.T) {
	inVersions(t, func(t *testing.T, version uint16) {
		snapshot := serving(host("shop.example.com", newCertificates(t).ecdsa("shop.example.com")))
		first, second := start(t, snapshot), start(t, snapshot)
		config := client("shop.example.com")
		config.MaxVersion, config.ClientSessionCache = version, new(oneSession)
		first.mustDial(config)
		if !first.mustDial(config).ConnectionState().DidResume || second.mustDial(config).ConnectionState().DidResume {
			t.Error("want a session to be resumed by its own process, and by no other")
		}
	})
}

// TestTicketsAcrossClientRules: a ticket resumes only where its own rule
// applies, and still has the client's certificate there.
func TestTicketsAcrossClientRules(t *testing.T) {
	root := newParty(t, nil, pkix.Name{CommonName: "root"}, isCA)
	jane := newParty(t, root, pkix.Name{CommonName: "jane"})
	snapshot := serving(
		asking("a.example.com", trusting("a", 1, root)),
		asking("also-a.example.com", trusting("a", 1, root)),
		asking("b.example.com", trusting("b", 1, root)),
		host("open.example.com"),
		host("also-open.example.com"),
	)
	rules := map[string]string{"a.example.com": "a", "also-a.example.com": "a", "b.example.com": "b", "open.example.com": "", "also-open.example.com": ""}
	keys := gatelodge.NewKeys()
	for name, shared := range map[string]bool{"shared keys": true, "own keys": false} {
		t.Run(name, func(t *testing.T) {
			inVersions(t, func(t *testing.T, version uint16) {
				g := start(t, snapshot)
				if shared {
					g.server.UseTicketKeys(keys)
				}
				for from, rule := range rules {
					for to, other := range rules {
						config := client(from)
						config.MaxVersion, config.ClientSessionCache = version, new(oneSession)
						config.Certificates = []tls.Certificate{jane.certificate()}
						g.mustDial(config)
						config.ServerName = to
						conn := g.mustDial(config)
						h := g.handshake(conn)
						if resumed := conn.ConnectionState().DidResume; resumed != (rule == other) {
							t.Errorf("from %s to %s: resumed: %t", from, to, resumed)
						}
						if h.ClientTrust != other || (h.Client != nil) != (other != "") || h.Client != nil && h.Client.Failure != "" {
							t.Errorf("from %s to %s: trust %q, client %+v", from, to, h.ClientTrust, h.Client)
						}
					}
				}
			})
		})
	}
}

// TestResumedSessionsAreChecked: a certificate that is no longer trusted when
// the session is resumed is refused. (The rule's key stays the same here; Build
// makes another key for other CRLs.)
func TestResumedSessionsAreChecked(t *testing.T) {
	inVersions(t, func(t *testing.T, version uint16) {
		root := newParty(t, nil, pkix.Name{CommonName: "root"}, isCA)
		other := newParty(t, nil, pkix.Name{CommonName: "other"}, isCA)
		jane := newParty(t, root, pkix.Name{CommonName: "jane"})
		keys := gatelodge.NewKeys()
		before := start(t, serving(asking("shop.example.com", trusting("a", 1, root))))
		after := start(t, serving(asking("shop.example.com", trusting("a", 1, other))))
		before.server.UseTicketKeys(keys)
		after.server.UseTicketKeys(keys)
		config := client("shop.example.com")
		config.MaxVersion, config.ClientSessionCache = version, new(oneSession)
		config.Certificates = []tls.Certificate{jane.certificate()}
		before.mustDial(config)
		conn := after.mustDial(config)
		if h := after.handshake(conn); !conn.ConnectionState().DidResume || h.Client == nil || h.Client.Failure == "" {
			t.Errorf("resumed: %t, client %+v, want it refused", conn.ConnectionState().DidResume, h.Client)
		}
	})
}

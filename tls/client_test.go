package tls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"gatelodge.dev"
)

// party has a certificate: it is a CA or a client.
type party struct {
	t     *testing.T
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	chain [][]byte // what it sends, its own certificate first
}

// newParty makes a certificate signed by issuer, or self-signed if that is nil.
func newParty(t *testing.T, issuer *party, subject pkix.Name, change ...func(*x509.Certificate)) *party {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	for _, c := range change {
		c(template)
	}
	p := &party{t: t, key: key}
	parent, signer := template, key
	if issuer != nil {
		parent, signer, p.chain = issuer.cert, issuer.key, issuer.chain
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if issuer != nil { // a root is not sent
		p.chain = append([][]byte{der}, p.chain...)
	}
	return p
}

func isCA(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
}

func usable(usage x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{usage} }
}

func (p *party) certificate() tls.Certificate {
	return tls.Certificate{Certificate: p.chain, PrivateKey: p.key, Leaf: p.cert}
}

// crl returns a list of certificates that a CA has revoked.
func (p *party) crl(next time.Time, revoked ...*party) *x509.RevocationList {
	p.t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: next.Add(-2 * time.Hour), NextUpdate: next}
	for _, r := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: r.cert.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, p.cert, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

func trusting(key string, depth int, authorities ...*party) *gatelodge.ClientTrust {
	trust := &gatelodge.ClientTrust{Key: key, Depth: depth}
	for _, a := range authorities {
		trust.Authorities = append(trust.Authorities, a.cert)
	}
	return trust
}

// asking returns a host that asks clients for a certificate.
func asking(name string, trust *gatelodge.ClientTrust, certificates ...*gatelodge.Certificate) *gatelodge.Host {
	h := host(name, certificates...)
	h.ClientAuth = &gatelodge.ClientAuth{Trust: trust, Mode: gatelodge.ClientAuthOn}
	return h
}

// TestClientCertificate: which certificates of clients are trusted. The
// handshake itself always succeeds.
func TestClientCertificate(t *testing.T) {
	named := func(name string) pkix.Name { return pkix.Name{CommonName: name} }
	root := newParty(t, nil, named("root"), isCA)
	other := newParty(t, nil, named("other"), isCA)
	middle := newParty(t, root, named("middle"), isCA)
	low := newParty(t, middle, named("low"), isCA)

	jane := newParty(t, root, named("jane"), usable(x509.ExtKeyUsageClientAuth))
	byMiddle := newParty(t, middle, named("by middle"))
	byLow := newParty(t, low, named("by low"))
	hidden := newParty(t, middle, named("hidden"))
	hidden.chain = hidden.chain[:1]
	forged := newParty(t, newParty(t, nil, named("root"), isCA), named("forged"))
	server := newParty(t, root, named("server"), usable(x509.ExtKeyUsageServerAuth))
	old := newParty(t, root, named("old"), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	byClient := newParty(t, newParty(t, root, named("no CA")), named("by a client"))

	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	revoking := func(lists ...*x509.RevocationList) *gatelodge.ClientTrust {
		trust := trusting("crl", 1, root, other)
		trust.Revocations = lists
		return trust
	}
	const unknown = "unable to verify the first certificate"
	for _, c := range []struct {
		name   string
		trust  *gatelodge.ClientTrust
		client *party
		want   string // Failure
	}{
		{"by an authority", trusting("0", 0, root), jane, ""},
		{"by one of two", trusting("0", 0, other, root), jane, ""},
		{"by another", trusting("0", 1, other), jane, unknown},
		{"by one of the same name", trusting("0", 1, root), forged, unknown},
		{"by a CA below, which the client shows", trusting("1", 1, root), byMiddle, ""},
		{"by a CA below, which the client keeps to itself", trusting("1", 1, root), hidden, unknown},
		{"by a CA below that is an authority too", trusting("0", 0, root, middle), hidden, ""},
		{"by a CA below, at depth 0", trusting("0", 0, root), byMiddle, "certificate chain too long"},
		{"two CAs below, at depth 1", trusting("1", 1, root), byLow, "certificate chain too long"},
		{"two CAs below, at depth 2", trusting("2", 2, root), byLow, ""},
		{"by a client, which is not a CA", trusting("1", 1, root), byClient, unknown},
		{"for servers", trusting("0", 1, root), server, "unsuitable certificate purpose"},
		{"out of date", trusting("0", 1, root), old, "certificate has expired or is not yet valid"},

		{"not revoked", revoking(root.crl(soon, byMiddle)), jane, ""},
		{"revoked", revoking(root.crl(soon, jane)), jane, "certificate revoked"},
		{"revoked by one of two lists", revoking(root.crl(soon), root.crl(soon, jane)), jane, "certificate revoked"},
		{"the CA below revoked", revoking(root.crl(soon, middle)), byMiddle, "unable to get certificate CRL"},
		{"no list of its authority", revoking(other.crl(soon)), jane, "unable to get certificate CRL"},
		{"list out of date", revoking(root.crl(past)), jane, "CRL has expired"},
		{"revoked by a list out of date", revoking(root.crl(past, jane)), jane, "certificate revoked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, serving(asking("shop.example.com", c.trust)))
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				config := client("shop.example.com")
				config.MaxVersion = version
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					shown := c.client.certificate()
					return &shown, nil
				}
				h := g.handshake(g.mustDial(config))
				if h.ClientTrust != c.trust.Key || h.Client == nil {
					t.Fatalf("the Handshake has trust %q and client %v, want trust %q and a client", h.ClientTrust, h.Client, c.trust.Key)
				}
				if h.Client.Failure != c.want || h.Client.UnknownCA != (c.want == unknown) ||
					h.Client.Subject != "CN="+c.client.cert.Subject.CommonName {
					t.Errorf("%s: %q, of an unknown CA: %t, want %q", h.Client.Subject, h.Client.Failure, h.Client.UnknownCA, c.want)
				}
			}
		})
	}
}

// TestCertificateRequest: hosts with a rule for client certificates ask for one,
// and name the CAs they trust, so that a browser offers the right ones.
func TestCertificateRequest(t *testing.T) {
	root := newParty(t, nil, pkix.Name{CommonName: "root"}, isCA)
	g := start(t, serving(
		asking("", trusting("any", 1, root)),
		asking("*.example.com", trusting("wildcard", 1, root)),
		host("open.example.com"),
		asking("shop.example.com", trusting("shop", 1, root)),
		&gatelodge.Host{Name: "broken.example.com", ClientAuth: &gatelodge.ClientAuth{Unavailable: "not known"}},
	))
	for sni, want := range map[string]string{
		"shop.example.com":   "shop",
		"x.example.com":      "wildcard",
		"open.example.com":   "",
		"broken.example.com": "",
		"elsewhere.test":     "any",
		"a..b":               "any",
		"":                   "any",
	} {
		asked := false
		config := client(sni)
		config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = len(info.AcceptableCAs) == 1 && string(info.AcceptableCAs[0]) == string(root.cert.RawSubject)
			return new(tls.Certificate), nil
		}
		conn, err := g.dial(config)
		if err != nil {
			continue // a name that crypto/tls refuses
		}
		if h := g.handshake(conn); h.ClientTrust != want || asked != (want != "") || h.Client != nil {
			t.Errorf("%q: trust %q, asked: %t, client: %v; want trust %q", sni, h.ClientTrust, asked, h.Client, want)
		}
	}
}

// TestDistinguishedName: the text is OpenSSL's RFC 2253 form, because backends
// that moved from nginx read the user from it.
func TestDistinguishedName(t *testing.T) {
	text := func(oid asn1.ObjectIdentifier, value any) pkix.AttributeTypeAndValue {
		return pkix.AttributeTypeAndValue{Type: oid, Value: value}
	}
	cn, o := asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.ObjectIdentifier{2, 5, 4, 10}
	for want, parts := range map[string]pkix.RDNSequence{
		"CN=jane,O=Shop":              {{text(o, "Shop")}, {text(cn, "jane")}},
		"CN=jane+O=Shop":              {{text(cn, "jane"), text(o, "Shop")}},
		"":                            {},
		`O=x\,CN=admin`:               {{text(o, "x,CN=admin")}},
		`CN=\#a\+b\"c\\d\<e\>f\;`:     {{text(cn, `#a+b"c\d<e>f;`)}},
		`CN=\ a b\ `:                  {{text(cn, " a b ")}},
		`CN=\0D\0AX: y`:               {{text(cn, "\r\nX: y")}},
		`CN=J\C3\BCrgen`:              {{text(cn, "Jürgen")}},
		"emailAddress=a@b.example":    {{text(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, "a@b.example")}},
		"UID=7,DC=example":            {{text(asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, "example")}, {text(asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, "7")}},
		"1.2.3.4=#13026869,CN=custom": {{text(cn, "custom")}, {text(asn1.ObjectIdentifier{1, 2, 3, 4}, "hi")}},
	} {
		der, err := asn1.Marshal(parts)
		if err != nil {
			t.Fatal(err)
		}
		root := newParty(t, nil, pkix.Name{CommonName: "root"}, isCA)
		named := newParty(t, root, pkix.Name{}, func(c *x509.Certificate) { c.RawSubject = der })
		g := start(t, serving(asking("shop.example.com", trusting("1", 1, root))))
		config := client("shop.example.com")
		config.Certificates = []tls.Certificate{named.certificate()}
		if h := g.handshake(g.mustDial(config)); h.Client == nil || h.Client.Subject != want || h.Client.Issuer != "CN=root" {
			t.Errorf("%+v: got %+v, want %q", parts, h.Client, want)
		}
	}
}

package tls_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"gatelodge.dev"
	gatetls "gatelodge.dev/tls"
)

// TestClientTrustsAuthority: a client that trusts the CA's file accepts a
// certificate it issued, for the names in it and no others.
func TestClientTrustsAuthority(t *testing.T) {
	ca := newCertificates(t)
	issued := ca.ecdsa("*.demo.test", "demo.test")
	g := start(t, &gatelodge.Snapshot{DefaultCertificates: []*gatelodge.Certificate{issued}})
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.authority.CertificatePEM()) {
		t.Fatal("the CA's file holds no certificate")
	}
	for name, trusted := range map[string]bool{"demo.test": true, "shop.demo.test": true, "a.b.demo.test": false, "other.test": false} {
		_, err := g.dial(&tls.Config{ServerName: name, RootCAs: roots})
		if (err == nil) != trusted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIssuedCertificate: the properties that browsers and OpenSSL require.
func TestIssuedCertificate(t *testing.T) {
	ca := newCertificates(t)
	certPEM, keyPEM, err := ca.authority.Issue([]gatelodge.Name{"demo.test"}, gatetls.MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	leaf := pair.Leaf
	if period := leaf.NotAfter.Sub(leaf.NotBefore); period >= 398*24*time.Hour {
		t.Errorf("valid for %s, browsers accept 398 days", period)
	}
	if leaf.IsCA || leaf.KeyUsage != x509.KeyUsageDigitalSignature || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("usages: CA %t, %v, %v", leaf.IsCA, leaf.KeyUsage, leaf.ExtKeyUsage)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.authority.CertificatePEM())
	chains, err := leaf.Verify(x509.VerifyOptions{DNSName: "demo.test", Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	root := chains[0][1]
	if len(leaf.SubjectKeyId) == 0 || !bytes.Equal(leaf.AuthorityKeyId, root.SubjectKeyId) {
		t.Errorf("key identifiers: leaf %x, its authority %x, the CA %x", leaf.SubjectKeyId, leaf.AuthorityKeyId, root.SubjectKeyId)
	}
	if !root.IsCA || !root.MaxPathLenZero || root.KeyUsage&x509.KeyUsageCertSign == 0 {
		t.Errorf("the CA may sign other CAs, or no certificates: %v", root.KeyUsage)
	}
}

func TestIssueRefuses(t *testing.T) {
	authority := newCertificates(t).authority
	for idea, c := range map[string]struct {
		names    []gatelodge.Name
		lifetime time.Duration
		want     string
	}{
		"no name":       {nil, time.Hour, "no name"},
		"no lifetime":   {[]gatelodge.Name{"a.test"}, 0, "lifetime 0s"},
		"past lifetime": {[]gatelodge.Name{"a.test"}, -time.Hour, "lifetime -1h0m0s"},
		"long lifetime": {[]gatelodge.Name{"a.test"}, gatetls.MaxLifetime + 1, "is not between"},
	} {
		if _, _, err := authority.Issue(c.names, c.lifetime); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", idea, err, c.want)
		}
	}
}

func TestLongNameIsIssuedFor(t *testing.T) {
	long := gatelodge.Name(strings.Repeat("a", 60) + ".demo.test") // longer than a common name may be
	if got := newCertificates(t).ecdsa(long).KeyPair.Leaf; got.VerifyHostname(string(long)) != nil {
		t.Errorf("issued for %v", got.DNSNames)
	}
}

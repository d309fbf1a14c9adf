package crl

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now, NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign | x509.KeyUsageCertSign, SubjectKeyId: []byte(name),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key}
}

func (a authority) list(t *testing.T, change func(*x509.RevocationList)) []byte {
	t.Helper()
	template := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(24 * time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(0x80), RevocationTime: now.Add(-time.Hour), ReasonCode: 1}},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.certificate, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// scope is an issuing distribution point of which one flag is set.
func scope(t *testing.T, tag int) []pkix.Extension {
	t.Helper()
	flag, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte{0xFF}})
	if err != nil {
		t.Fatal(err)
	}
	value, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: flag})
	if err != nil {
		t.Fatal(err)
	}
	return []pkix.Extension{{Id: issuingDistributionPoint, Critical: true, Value: value}}
}

func TestParse(t *testing.T) {
	ca, other := newAuthority(t, "CA"), newAuthority(t, "CA")
	extension := func(e ...pkix.Extension) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { l.ExtraExtensions = e }
	}
	for name, c := range map[string]struct {
		der  []byte
		want string // of the error; "": there is none
	}{
		"plain":                       {ca.list(t, nil), ""},
		"for certificates of servers": {ca.list(t, extension(scope(t, 1)...)), ""},
		"for authorities":             {ca.list(t, extension(scope(t, 2)...)), "for other certificates"},
		"of several issuers":          {ca.list(t, extension(scope(t, 4)...)), "for other certificates"},
		"for attribute certificates":  {ca.list(t, extension(scope(t, 5)...)), "for other certificates"},
		"changes":                     {ca.list(t, extension(pkix.Extension{Id: deltaIndicator, Critical: true, Value: []byte{2, 1, 1}})), "changes to another"},
		"an unknown extension":        {ca.list(t, extension(pkix.Extension{Id: []int{1, 2, 3}, Critical: true, Value: []byte{5, 0}})), "critical extension 1.2.3"},
		"an unknown one that may be":  {ca.list(t, extension(pkix.Extension{Id: []int{1, 2, 3}, Value: []byte{5, 0}})), ""},
		"one of an entry": {ca.list(t, func(l *x509.RevocationList) {
			l.RevokedCertificateEntries[0].ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 29}, Critical: true, Value: []byte{48, 0}}}
		}), "an entry of the CRL has a critical extension 2.5.29.29"},
		"signed by another": {other.list(t, nil), "signature"},
		"of another":        {newAuthority(t, "other").list(t, nil), `"CN=other"'s`},
		"no CRL":            {[]byte("<html>"), "x509"},
	} {
		list, err := Parse(c.der, ca.certificate)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %q", name, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if entry, found := list.Find(big.NewInt(0x80)); !found || entry.Reason != 1 || !entry.At.Equal(now.Add(-time.Hour)) {
			t.Errorf("%s: entry %v, found %t", name, entry, found)
		}
		if _, found := list.Find(big.NewInt(0x81)); found || !list.NextUpdate.Equal(now.Add(24*time.Hour)) {
			t.Errorf("%s: the certificate after it is on the list, or the next update is at %v", name, list.NextUpdate)
		}
	}
}

func TestURLOf(t *testing.T) {
	for want, points := range map[string][]string{
		"":                         {"ldap://ca.example/cn=x", "ftp://ca.example/x", "http:///x", "http://user@ca.example/x", "%"},
		"http://ca.example/1.crl":  {"ldap://ca.example/cn=x", "http://ca.example/1.crl", "http://ca.example/2.crl"},
		"https://ca.example/1.crl": {"https://ca.example/1.crl"},
	} {
		if got := URLOf(&x509.Certificate{CRLDistributionPoints: points}); got != want {
			t.Errorf("of %q: %q, want %q", points, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	private := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}
	for address, want := range map[string]bool{
		"93.184.215.14": true, "2606:4700::1": true, "10.1.2.3": true, "fd00:1::5": true, "::ffff:10.1.2.3": true,
		"10.2.0.1": false, "127.0.0.1": false, "::1": false, "169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false,
		"192.168.1.1": false, "172.16.0.1": false, "100.64.0.1": false, "0.0.0.0": false, "::": false, "224.0.0.1": false, "255.255.255.255": false,
		"::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "fd00::1": false, "ff02::1": false,
	} {
		if got := isAllowed(netip.MustParseAddr(address), private); got != want {
			t.Errorf("%s: %t, want %t", address, got, want)
		}
	}
}

func TestFetch(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/crl":
			w.Write([]byte("crl for " + r.UserAgent()))
		case "/large":
			w.Write(make([]byte, maxBytes+1))
		case "/moved":
			http.Redirect(w, r, "/crl", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	for _, c := range []struct {
		url      string
		networks []netip.Prefix
		want     string // of the error; "": it is fetched
	}{
		{server.URL + "/crl", loopback, ""},
		{server.URL + "/crl", nil, errNotAllowed.Error()},
		{"http://localhost:" + port + "/crl", nil, errNotAllowed.Error()},
		{"http://[::ffff:127.0.0.1]:" + port + "/crl", nil, errNotAllowed.Error()},
		{server.URL + "/large", loopback, "more than"},
		{server.URL + "/moved", loopback, "answers 302"},
		{server.URL + "/none", loopback, "answers 404"},
	} {
		der, err := Fetch(context.Background(), c.url, c.networks, "test")
		if c.want == "" && (err != nil || string(der) != "crl for test") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %.20q, error %v, want %q", c.url, der, err, c.want)
		}
		if c.want == errNotAllowed.Error() && !errors.Is(err, errNotAllowed) {
			t.Errorf("%s: error %v", c.url, err)
		}
	}
}

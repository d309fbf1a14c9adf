package revocation

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/tlstest"
)

const day = 24 * time.Hour

// revokingCA issues certificates that name CRLs, and signs these.
type revokingCA struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey

	mu      sync.Mutex
	revoked map[int64]int // reasons by serial number
	asked   []string      // URLs
	down    bool
}

func newRevokingCA(t *testing.T) *revokingCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now(), NotAfter: time.Now().Add(1000 * day), SubjectKeyId: []byte{1},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign | x509.KeyUsageCertSign,
	}
	ca := &revokingCA{t: t, key: key, revoked: make(map[int64]int)}
	ca.certificate = ca.sign(template, template, key)
	return ca
}

func (ca *revokingCA) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return certificate
}

func (ca *revokingCA) issue(serial int64, source gatelodge.CertificateSource, points ...string) *gatelodge.Certificate {
	leaf := ca.sign(&x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"a.test"}, NotBefore: time.Now(), NotAfter: time.Now().Add(90 * day), CRLDistributionPoints: points,
	}, ca.certificate, ca.key)
	sum := sha256.Sum256(leaf.Raw)
	return &gatelodge.Certificate{Source: source, NotAfter: leaf.NotAfter, Fingerprint: hex.EncodeToString(sum[:]),
		KeyPair: &tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.certificate.Raw}, PrivateKey: ca.key}}
}

// fetch takes the place of crl.Fetch.
func (ca *revokingCA) fetch(_ context.Context, url string, _ []netip.Prefix, _ string) ([]byte, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.asked = append(ca.asked, url)
	if ca.down {
		return nil, errors.New("no route to host")
	}
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(4 * time.Hour)}
	for serial, reason := range ca.revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: time.Now(), ReasonCode: reason})
	}
	return x509.CreateRevocationList(rand.Reader, list, ca.certificate, ca.key)
}

func (ca *revokingCA) set(change func()) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	change()
}

// taken returns the URLs that were asked since the last call.
func (ca *revokingCA) taken() []string {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	asked := ca.asked
	ca.asked = nil
	return asked
}

// lines counts what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// startRevocations has a leader look at the certificates of a snapshot.
func startRevocations(t *testing.T, ca *revokingCA, check gatelodge.RevocationCheck, certificates ...*gatelodge.Certificate) (store *tlstest.Memory, serve func(...*gatelodge.Certificate), log *lines) {
	t.Helper()
	live := new(gatelodge.Live)
	serve = func(certificates ...*gatelodge.Certificate) {
		live.Swap(&gatelodge.Snapshot{DefaultCertificates: certificates, Settings: &gatelodge.Settings{TLS: gatelodge.TLSSettings{Revocation: check}}})
	}
	serve(certificates...)
	store, log = tlstest.NewMemory(), new(lines)
	r := New(live, Config{Store: store, Log: slog.New(slog.NewTextHandler(log, nil))})
	r.fetch = ca.fetch
	r.roots = func() (*x509.CertPool, error) {
		pool := x509.NewCertPool()
		pool.AddCert(ca.certificate)
		return pool, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return store, serve, log
}

func revokedIn(t *testing.T, store *tlstest.Memory) (list []string) {
	t.Helper()
	item, err := store.Get(t.Context(), gatelodge.RevocationsItem)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		t.Fatal(err)
	}
	revocations, err := gatelodge.DecodeRevocations(item.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range revocations {
		list = append(list, fmt.Sprint(r.Fingerprint, " ", r.Reason))
	}
	return list
}

// TestRevocations: a CRL is fetched once for all certificates that name it, as often
// as the CA has another one, and sooner for new certificates; what it says is stored,
// and stays but for what was on hold.
func TestRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const url = "http://ca.test/1.crl"
		ca := newRevokingCA(t)
		first, second, third := ca.issue(11, gatelodge.FromACME, url), ca.issue(12, gatelodge.FromACME, url), ca.issue(13, gatelodge.FromACME, url)
		store, serve, _ := startRevocations(t, ca, gatelodge.RevocationIssued, first, second)
		time.Sleep(2 * time.Hour)
		if got := ca.taken(); !slices.Equal(got, []string{url}) {
			t.Errorf("asked for %q, want %q once", got, url)
		}
		ca.set(func() { ca.revoked[12], ca.revoked[13], ca.revoked[99] = 1, 6, 1 })
		time.Sleep(3 * time.Hour)
		if got, want := revokedIn(t, store), []string{second.Fingerprint + " 1"}; !slices.Equal(got, want) {
			t.Errorf("revoked are %q, want %q", got, want)
		}
		serve(first, second, third)
		time.Sleep(15 * time.Minute)
		if got, want := revokedIn(t, store), []string{second.Fingerprint + " 1", third.Fingerprint + " 6"}; !slices.Equal(got, want) {
			t.Errorf("with a new certificate, revoked are %q, want %q", got, want)
		}
		ca.set(func() { clear(ca.revoked) })
		time.Sleep(5 * time.Hour)
		if got, want := revokedIn(t, store), []string{second.Fingerprint + " 1"}; !slices.Equal(got, want) {
			t.Errorf("with an empty CRL, revoked are %q, want %q", got, want)
		}
		ca.taken()
		time.Sleep(10 * day)
		if n := len(ca.taken()); n < 59 || n > 60 { // each 4 hours, and up to a minute
			t.Errorf("in ten days it is asked for %d times", n)
		}
		ca.set(func() { ca.revoked[11] = 4 })
		time.Sleep(90 * day)
		serve(first, ca.issue(14, gatelodge.FromACME, url))
		time.Sleep(15 * time.Minute)
		if got := revokedIn(t, store); len(got) != 0 {
			t.Errorf("after their ends, revoked are %q", got)
		}
	})
}

// TestWhoIsAsked: the URL in a certificate is followed only where a CA that is known
// wrote it there.
func TestWhoIsAsked(t *testing.T) {
	for _, c := range []struct {
		name  string
		check gatelodge.RevocationCheck
		of    func(ca, unknown *revokingCA) *gatelodge.Certificate
		want  bool
	}{
		{"off", gatelodge.RevocationOff, func(ca, _ *revokingCA) *gatelodge.Certificate {
			return ca.issue(2, gatelodge.FromACME, "http://ca.test/1")
		}, false},
		{"a Secret's, while only issued ones count", gatelodge.RevocationIssued, func(ca, _ *revokingCA) *gatelodge.Certificate {
			return ca.issue(2, gatelodge.FromSecret, "http://ca.test/1")
		}, false},
		{"a Secret's", gatelodge.RevocationAll, func(ca, _ *revokingCA) *gatelodge.Certificate {
			return ca.issue(2, gatelodge.FromSecret, "http://ca.test/1")
		}, true},
		{"a Secret's of an unknown CA", gatelodge.RevocationAll, func(_, unknown *revokingCA) *gatelodge.Certificate {
			return unknown.issue(2, gatelodge.FromSecret, "http://ca.test/1")
		}, false},
		{"one that names none", gatelodge.RevocationAll, func(ca, _ *revokingCA) *gatelodge.Certificate { return ca.issue(2, gatelodge.FromACME) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca, unknown := newRevokingCA(t), newRevokingCA(t)
				startRevocations(t, ca, c.check, c.of(ca, unknown))
				time.Sleep(time.Hour / 2)
				if asked := len(ca.taken()) > 0; asked != c.want {
					t.Errorf("asked is %t, want %t", asked, c.want)
				}
			})
		})
	}
}

// TestNoWayOut: a gateway that can't reach a CA says so once, asks once an hour, and
// changes nothing; it says again that it can.
func TestNoWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newRevokingCA(t)
		ca.down = true
		store, _, log := startRevocations(t, ca, gatelodge.RevocationIssued, ca.issue(2, gatelodge.FromACME, "http://ca.test/1"), ca.issue(3, gatelodge.FromACME, "http://ca.test/2"))
		time.Sleep(10 * day)
		if n := len(ca.taken()); n < 2*230 || n > 2*240 {
			t.Errorf("two URLs are asked %d times in 240 hours", n)
		}
		if n := log.count("can't be fetched"); n != 1 {
			t.Errorf("it is logged %d times", n)
		}
		if got := revokedIn(t, store); len(got) != 0 {
			t.Errorf("revoked are %q", got)
		}
		ca.set(func() { ca.down = false })
		time.Sleep(2 * time.Hour)
		if n := log.count("again"); n != 1 {
			t.Errorf("that it works again is logged %d times", n)
		}
	})
}

package state

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/adopt"
	"gatelodge.dev/kube/kubetest"
)

var firstCA = gatelodge.Account{Directory: "https://first.example/directory"}

// readable is an AutocertStore in a folder of a test.
type readable struct {
	*AutocertStore
	t   *testing.T
	dir string // of the files
	log bytes.Buffer
}

func openReadable(t *testing.T, folder string) *readable {
	t.Helper()
	store, err := NewFolderStore(filepath.Join(folder, "items"))
	kubetest.Must(t, err)
	r := &readable{t: t, dir: filepath.Join(folder, "autocert")}
	r.AutocertStore, err = NewAutocertStore(store, r.dir, firstCA.Item, slog.New(slog.NewTextHandler(&r.log, nil)))
	kubetest.Must(t, err)
	return r
}

// issue stores a certificate, in place of the one before.
func (r *readable) issue(issued *gatelodge.StoredIssuance) {
	r.t.Helper()
	parts, err := issued.Encode()
	kubetest.Must(r.t, err)
	r.put(issued.IssuanceKey().Item(), parts)
}

func (r *readable) put(item string, parts map[string][]byte) {
	r.t.Helper()
	_, err := r.Put(r.t.Context(), item, gatelodge.Item{Data: parts, Version: r.version(item)})
	kubetest.Must(r.t, err)
}

func (r *readable) drop(item string) {
	r.t.Helper()
	kubetest.Must(r.t, r.Delete(r.t.Context(), item, r.version(item)))
}

func (r *readable) version(item string) string {
	stored, err := r.Get(r.t.Context(), item)
	if !errors.Is(err, gatelodge.ErrNotFound) {
		kubetest.Must(r.t, err)
	}
	return stored.Version
}

// want fails unless the folder has these files and no other.
func (r *readable) want(files ...string) {
	r.t.Helper()
	entries, err := os.ReadDir(r.dir)
	kubetest.Must(r.t, err)
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(files, " ") {
		r.t.Errorf("the folder has %q, want %q", got, files)
	}
}

func (r *readable) text(file string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, file))
	kubetest.Must(r.t, err)
	return string(text)
}

// issuedFor is a certificate for names as the issuer keeps it for the first.
func issuedFor(t *testing.T, key crypto.Signer, second bool, names ...string) *gatelodge.StoredIssuance {
	t.Helper()
	secret := kubetest.CertificateSecret(t, "a/b", "1", key, names, time.Now().Add(-time.Hour), time.Now().Add(80*24*time.Hour))
	return &gatelodge.StoredIssuance{Name: gatelodge.Name(names[0]), Second: second, Chain: secret.Data[corev1.TLSCertKey], Key: pkcs8(t, key)}
}

func pkcs8(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	kubetest.Must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	kubetest.Must(t, err)
	return key
}

func rsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	kubetest.Must(t, err)
	return key
}

// TestAutocertServesWhatWasIssued: another program's autocert.Manager serves what the
// gateway keeps, for clients of both algorithms, and asks no CA; and the gateway could
// adopt all of it, the account included.
func TestAutocertServesWhatWasIssued(t *testing.T) {
	r := openReadable(t, t.TempDir())
	ec, rsa, account := ecdsaKey(t), rsaKey(t), ecdsaKey(t)
	both, second := issuedFor(t, ec, false, "both.example.com"), issuedFor(t, rsa, true, "both.example.com")
	only := issuedFor(t, rsa, false, "only.example.com")
	one := issuedFor(t, ec, false, "one.example.com", "two.example.com")
	two := *one
	two.Name, one.Namespace, two.Namespace = "two.example.com", "team", "team"
	wildcard := issuedFor(t, ec, false, "*.example.com")
	for _, issued := range []*gatelodge.StoredIssuance{both, second, only, one, &two, wildcard} {
		r.issue(issued)
	}
	r.put(firstCA.Item(), map[string][]byte{gatelodge.AccountKeyPart: pkcs8(t, account)})
	further := gatelodge.Account{Directory: "https://second.example/directory"}
	r.put(further.Item(), map[string][]byte{gatelodge.AccountKeyPart: pkcs8(t, ecdsaKey(t))})
	r.want("_.example.com", "acme_account+key", "both.example.com", "both.example.com+rsa", "one.example.com", "only.example.com+rsa", "two.example.com")
	for path, mode := range map[string]os.FileMode{r.dir: 0o700, filepath.Join(r.dir, "both.example.com"): 0o600} {
		info, err := os.Stat(path)
		kubetest.Must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), mode)
		}
	}

	ca := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		t.Errorf("the CA was asked for %s", request.URL)
		http.Error(w, "nothing is to be ordered", http.StatusInternalServerError)
	}))
	defer ca.Close()
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(r.dir),
		HostPolicy: autocert.HostWhitelist("both.example.com", "only.example.com", "one.example.com", "two.example.com"),
		Client:     &acme.Client{DirectoryURL: ca.URL},
	}
	modern := &tls.ClientHelloInfo{
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	}
	old := &tls.ClientHelloInfo{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
	for _, c := range []struct {
		host  string
		hello *tls.ClientHelloInfo
		want  *gatelodge.StoredIssuance
	}{
		{"both.example.com", modern, both}, {"both.example.com", old, second}, {"only.example.com", old, only},
		{"one.example.com", modern, one}, {"two.example.com", modern, one},
	} {
		hello := *c.hello
		hello.ServerName = c.host
		got, err := manager.GetCertificate(&hello)
		if err != nil {
			t.Errorf("%s: %v", c.host, err)
			continue
		}
		if block, _ := pem.Decode(c.want.Chain); !bytes.Equal(got.Certificate[0], block.Bytes) {
			t.Errorf("%s has another certificate than the one that was issued", c.host)
		}
	}

	found := adopt.Autocert(r.dir, time.Now())
	if found.Items.Len() != 6 || len(found.Problems) != 0 || found.AccountKey != string(pkcs8(t, account)) {
		t.Errorf("%d certificates can be adopted, want 6, problems %q, account's key as it was: %v", found.Items.Len(), found.Problems, found.AccountKey == string(pkcs8(t, account)))
	}
	if r.log.Len() > 0 {
		t.Errorf("logged:\n%s", &r.log)
	}
}

// TestAutocertFilesFollowItems: files come and go with what was issued, and no others.
func TestAutocertFilesFollowItems(t *testing.T) {
	r := openReadable(t, t.TempDir())
	issued := issuedFor(t, ecdsaKey(t), false, "web.example.com")
	item := issued.IssuanceKey().Item()
	foreign := func(file string) {
		kubetest.Must(t, autocert.DirCache(r.dir).Put(context.Background(), file, []byte("another program's")))
	}
	foreign("other.example.com")
	foreign("web.example.com+token")
	others := []string{"other.example.com", "web.example.com+token"}

	r.issue(&gatelodge.StoredIssuance{Name: issued.Name, Order: []byte("in progress")})
	r.want(others...)
	r.issue(issued)
	r.want("other.example.com", "web.example.com", "web.example.com+token")
	first := r.text("web.example.com")

	// The other certificate of the host has the same algorithm for a while.
	second := issuedFor(t, ecdsaKey(t), true, "web.example.com")
	r.issue(second)
	if r.text("web.example.com") != first {
		t.Error("the second certificate took the place of the first")
	}
	// The first gets a key of RSA, and the second the file that it leaves.
	r.issue(issuedFor(t, rsaKey(t), false, "web.example.com"))
	r.want("other.example.com", "web.example.com", "web.example.com+rsa", "web.example.com+token")
	if r.text("web.example.com") == first {
		t.Error("the file is still that of the certificate before")
	}
	r.drop(second.IssuanceKey().Item())
	r.want("other.example.com", "web.example.com+rsa", "web.example.com+token")

	if _, err := r.Put(t.Context(), item, gatelodge.Item{Version: "another"}); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("put of an old version: %v", err)
	}
	if err := r.Delete(t.Context(), item, "another"); !errors.Is(err, gatelodge.ErrConflict) {
		t.Errorf("delete of an old version: %v", err)
	}
	r.want("other.example.com", "web.example.com+rsa", "web.example.com+token")

	r.issue(&gatelodge.StoredIssuance{Name: issued.Name}) // it was shared by hosts of another namespace
	r.want(others...)
	r.issue(issued)
	r.drop(item)
	r.want(others...)
	if r.log.Len() > 0 {
		t.Errorf("logged:\n%s", &r.log)
	}
}

// TestAutocertFilesAtStart: a start writes what is missing or old, as after an upgrade or
// a crash.
func TestAutocertFilesAtStart(t *testing.T) {
	folder := t.TempDir()
	r := openReadable(t, folder)
	r.issue(issuedFor(t, ecdsaKey(t), false, "web.example.com"))
	r.issue(issuedFor(t, ecdsaKey(t), false, "old.example.com"))
	r.put(firstCA.Item(), map[string][]byte{gatelodge.AccountKeyPart: pkcs8(t, ecdsaKey(t))})
	before := r.text("web.example.com") + r.text("old.example.com") + r.text("acme_account+key")
	for _, file := range []string{"web.example.com", "acme_account+key"} {
		kubetest.Must(t, os.Remove(filepath.Join(r.dir, file)))
	}
	kubetest.Must(t, os.WriteFile(filepath.Join(r.dir, "old.example.com"), []byte("the one before"), 0o600))

	r = openReadable(t, folder)
	r.want("acme_account+key", "old.example.com", "web.example.com")
	if r.text("web.example.com")+r.text("old.example.com")+r.text("acme_account+key") != before {
		t.Error("the files hold something else than before")
	}
}

// TestAutocertFileThatCannotBeWritten: it is logged, and the certificate is kept.
func TestAutocertFileThatCannotBeWritten(t *testing.T) {
	r := openReadable(t, t.TempDir())
	kubetest.Must(t, os.MkdirAll(filepath.Join(r.dir, "web.example.com", "full"), 0o700))
	issued := issuedFor(t, ecdsaKey(t), false, "web.example.com")
	r.issue(issued)
	if r.version(issued.IssuanceKey().Item()) == "" || !strings.Contains(r.log.String(), "of=web.example.com") {
		t.Errorf("logged:\n%s", &r.log)
	}
	r.want("web.example.com")
}

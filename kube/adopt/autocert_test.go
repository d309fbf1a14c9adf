package adopt

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"golang.org/x/crypto/acme/autocert"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
)

var (
	from  = kubetest.Now.Add(-24 * time.Hour)
	until = kubetest.Now.Add(60 * 24 * time.Hour)
)

// TestAutocert: what is valid is found, and what is not is named and keeps nothing else
// from being found.
func TestAutocert(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) {
		t.Helper()
		if err := autocert.DirCache(dir).Put(context.Background(), name, data); err != nil {
			t.Fatal(err)
		}
	}
	ec, rsaKey := ecKey(t), rsaKeyOf(t, 2048)
	account := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1(t, ec)})
	put("acme_account+key", account)
	put("web.example.com", file(t, ec, until, "web.example.com"))
	put("web.example.com+rsa", file(t, rsaKey, until, "web.example.com"))
	put("rsa.example.com+rsa", file(t, rsaKey, until, "rsa.example.com"))
	put("_.example.com", file(t, ec, until, "*.example.com"))
	put("web.example.com+token", []byte("challenge"))
	put("abc+http-01", []byte("challenge"))
	put("late.example.com", file(t, ec, kubetest.Now.Add(-time.Hour), "late.example.com"))
	put("other.example.com", file(t, ec, until, "another.example.com"))
	put("half.example.com", file(t, ec, until, "half.example.com")[:300])
	mixed := append(pemOf(t, ecKey(t)), kubetest.CertificateSecret(t, "a/b", "1", ec, []string{"mixed.example.com"}, from, until).Data[corev1.TLSCertKey]...)
	put("mixed.example.com", mixed)
	put("README..txt", []byte("notes"))
	put("big.example.com", bytes.Repeat([]byte("x"), maxFileBytes+1))

	got := Autocert(dir, kubetest.Now)
	found := make(map[gatelodge.IssuanceKey]string)
	for key, item := range got.Items.All() {
		stored, err := gatelodge.DecodeIssuance(item.Data)
		if err != nil || len(stored.Chain) == 0 || len(stored.Key) == 0 {
			t.Errorf("%s holds %v, %v", key, stored, err)
			continue
		}
		found[stored.IssuanceKey()] = filepath.Base(key.Name)
	}
	want := map[gatelodge.IssuanceKey]string{
		{Name: "web.example.com"}: "web.example.com", {Name: "web.example.com", Second: true}: "web.example.com+rsa",
		{Name: "rsa.example.com"}: "rsa.example.com+rsa", {Name: "*.example.com"}: "_.example.com",
	}
	if len(found) != len(want) {
		t.Errorf("found %v, want %v", found, want)
	}
	for name, file := range want {
		if found[name] != file {
			t.Errorf("%v is from %q, want %q", name, found[name], file)
		}
	}
	if key, err := x509.ParsePKCS8PrivateKey(decode(t, got.AccountKey)); err != nil || !ec.Equal(key.(crypto.PrivateKey)) {
		t.Errorf("the account's key is another: %v", err)
	}
	told := strings.Join(got.Problems, "\n")
	for _, text := range []string{
		"/README..txt can't be used: its name is not one that autocert gives",
		"/big.example.com can't be used: it has more than 262144 octets",
		"/half.example.com can't be used: ",
		"/late.example.com can't be used: its certificate expired at ",
		"/mixed.example.com can't be used: the private key does not match the certificate",
		`/other.example.com can't be used: its certificate is for ["another.example.com"], not for other.example.com`,
	} {
		if !strings.Contains(told, text) {
			t.Errorf("no problem %q in\n%s", text, told)
		}
	}
	if len(got.Problems) != 6 {
		t.Errorf("%d problems, want 6:\n%s", len(got.Problems), told)
	}
}

// TestAutocertWithoutFolder: a folder that is gone is told.
func TestAutocertWithoutFolder(t *testing.T) {
	got := Autocert(filepath.Join(t.TempDir(), "gone"), kubetest.Now)
	if len(got.Problems) != 1 || got.Items.Len() != 0 || got.AccountKey != "" {
		t.Errorf("found %+v", got)
	}
}

// TestManyProblems: a folder of something else is not told file by file.
func TestManyProblems(t *testing.T) {
	dir := t.TempDir()
	for _, name := range strings.Fields("a! b! c! d! e! f! g! h! i! j! k! l! m! n! o! p! q! r! s! t! u! v! w!") {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := Autocert(dir, kubetest.Now)
	if len(got.Problems) != maxProblems+1 || got.Problems[maxProblems] != "3 more can't be used" {
		t.Errorf("%d problems, the last is %q", len(got.Problems), got.Problems[len(got.Problems)-1])
	}
}

func TestAccountKey(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text []byte
		want string // "": it is accepted
	}{
		"ECDSA":        {pemOf(t, ecKey(t)), ""},
		"PKCS #1":      {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKeyOf(t, 2048))}), ""},
		"short RSA":    {pemOf(t, rsaKeyOf(t, 1024)), "its RSA key has 1024 bits, the least for an account is 2048"},
		"Ed25519":      {pemOf(t, ed), "a key of type ed25519.PrivateKey can't be an account's"},
		"no PEM":       {[]byte("x"), "it holds no block of PEM"},
		"a public key": {pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), "can't be read"},
	} {
		_, err := AccountKey(c.text)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// file is a file of autocert.DirCache.
func file(t *testing.T, key crypto.Signer, until time.Time, names ...string) []byte {
	t.Helper()
	secret := kubetest.CertificateSecret(t, "a/b", "1", key, names, from.Add(-24*time.Hour), until)
	return append(secret.Data[corev1.TLSPrivateKeyKey], secret.Data[corev1.TLSCertKey]...)
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKeyOf(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sec1(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemOf(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	text, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("it is not PEM")
	}
	return block.Bytes
}

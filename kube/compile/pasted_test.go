package compile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/secrets"
)

// issuedPair is a certificate and its key, as texts.
type issuedPair struct {
	certificate *x509.Certificate
	key         crypto.Signer
	pem         string
}

// issuePair makes a certificate that another one issues; nil: itself.
func issuePair(t *testing.T, name string, authority bool, by *issuedPair, change ...func(*x509.Certificate)) *issuedPair {
	t.Helper()
	key := ecdsaKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"app.example.com"},
		NotBefore: kubetest.Now.Add(-time.Hour), NotAfter: kubetest.Now.Add(time.Hour),
		IsCA: authority, BasicConstraintsValid: true,
	}
	for _, c := range change {
		c(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	kubetest.Must(t, err)
	certificate, err := x509.ParseCertificate(der)
	kubetest.Must(t, err)
	return &issuedPair{certificate, key, block("CERTIFICATE", der)}
}

func block(kind string, content []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}))
}

func keyText(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	kubetest.Must(t, err)
	return block("PRIVATE KEY", der)
}

// TestPastedKeyPairs: what people paste into a TLS Secret is served in the order
// in which clients need it, or said to be what it is.
func TestPastedKeyPairs(t *testing.T) {
	root := issuePair(t, "root", true, nil)
	upper := issuePair(t, "upper", true, root)
	lower := issuePair(t, "lower", true, upper)
	leaf := issuePair(t, "leaf", false, lower)
	byRoot := issuePair(t, "by root", false, root)
	issued := issuePair(t, "issued", false, issuePair(t, "An Issuing CA", true, root))
	located := issuePair(t, "located", false, lower, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example.test/lower.crt"} })
	own := issuePair(t, "own", false, nil)
	stranger := issuePair(t, "stranger", true, nil)
	var others []string
	for range 2 * 10 {
		others = append(others, issuePair(t, "other", true, nil).pem)
	}
	sec1, err := x509.MarshalECPrivateKey(leaf.key.(*ecdsa.PrivateKey))
	kubetest.Must(t, err)
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	kubetest.Must(t, err)
	public, err := x509.MarshalPKIXPublicKey(leaf.key.Public())
	kubetest.Must(t, err)
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, leaf.key)
	kubetest.Must(t, err)

	key, full := keyText(t, leaf.key), leaf.pem+lower.pem+upper.pem
	trusted := block("TRUSTED CERTIFICATE", append(slices.Clone(leaf.certificate.Raw), 0x30, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1))
	oneLine := func(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", " ") }
	noLineEnds := func(text string) string { return strings.ReplaceAll(text, "-----\n-----BEGIN", "----------BEGIN") }
	const lacks, missing = "lacks what leads to its root", "append the certificate of \"CN="

	for _, test := range []struct {
		name         string
		crt, key, ca string
		served       string // the subjects of the chain; "": none
		says         string // in the problem; "": there is none
	}{
		{name: "as it should be", crt: full, key: key, served: "leaf lower upper"},
		{name: "with the root", crt: full + root.pem, key: key, served: "leaf lower upper root"},
		{name: "a certificate of one's own", crt: own.pem, key: keyText(t, own.key), served: "own"},
		{name: "the leaf last", crt: upper.pem + lower.pem + leaf.pem, key: key, served: "leaf lower upper"},
		{name: "intermediates in disorder", crt: leaf.pem + upper.pem + lower.pem, key: key, served: "leaf lower upper"},
		{name: "the root first", crt: root.pem + upper.pem + lower.pem + leaf.pem, key: key, served: "leaf lower upper root"},
		{name: "each twice", crt: full + full, key: key, served: "leaf lower upper"},
		{name: "with another's certificate", crt: own.pem + full, key: key, served: "leaf lower upper"},
		{name: "with text between", crt: "subject=leaf\n" + leaf.pem + "\nsubject=lower\n" + lower.pem + upper.pem, key: key, served: "leaf lower upper"},

		{name: "the key in both texts", crt: full + key, key: full + key, served: "leaf lower upper"},
		{name: "the key before the chain", crt: key + full, key: key, served: "leaf lower upper"},
		{name: "a combined file in tls.crt alone", crt: full + key, served: "leaf lower upper"},
		{name: "a combined file in tls.key alone", key: key + full, served: "leaf lower upper"},
		{name: "exchanged texts", crt: key, key: full, served: "leaf lower upper"},
		{name: "several keys", crt: full, key: keyText(t, rsa2048) + key, served: "leaf lower upper"},
		{name: "parameters before the key", crt: full, key: block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + block("EC PRIVATE KEY", sec1), served: "leaf lower upper"},

		{name: "a byte order mark", crt: "\ufeff" + full, key: "\ufeff" + key, served: "leaf lower upper"},
		{name: "line ends of Windows", crt: strings.ReplaceAll(full, "\n", "\r\n"), key: strings.ReplaceAll(key, "\n", "\r\n"), served: "leaf lower upper"},
		{name: "line ends of old Macs", crt: strings.ReplaceAll(full, "\n", "\r"), key: strings.ReplaceAll(key, "\n", "\r"), served: "leaf lower upper"},
		{name: "no line end between blocks", crt: noLineEnds(full), key: strings.TrimSpace(key), served: "leaf lower upper"},
		{name: "lines that were joined", crt: oneLine(full), key: oneLine(key), served: "leaf lower upper"},
		{name: "line ends as characters", crt: strings.ReplaceAll(full, "\n", `\n`), key: strings.ReplaceAll(key, "\n", `\r\n`), served: "leaf lower upper"},
		{name: "indented", crt: strings.ReplaceAll(full, "\n", "\n    "), key: strings.ReplaceAll(key, "\n", "\n\t"), served: "leaf lower upper"},
		{name: "no line ends within base64", crt: strings.ReplaceAll(full, "\n", ""), key: strings.ReplaceAll(key, "\n", ""), served: "leaf lower upper"},
		{name: "TRUSTED CERTIFICATE", crt: trusted + lower.pem + upper.pem, key: key, served: "leaf lower upper"},
		{name: "X509 CERTIFICATE", crt: strings.ReplaceAll(full, " CERTIFICATE", " X509 CERTIFICATE"), key: key, served: "leaf lower upper"},

		{name: "no intermediate, by its name", crt: issued.pem, key: keyText(t, issued.key), served: "issued", says: missing + `An Issuing CA" to tls.crt`},
		{name: "no intermediate, by where it can be had", crt: located.pem, key: keyText(t, located.key), served: "located", says: missing + `lower" to tls.crt`},
		{name: "no intermediate, by the root", crt: leaf.pem, key: key, ca: root.pem, served: "leaf", says: missing + `lower" to tls.crt`},
		{name: "perhaps an intermediate", crt: leaf.pem, key: key, served: "leaf"},
		{name: "no intermediate, but its root in ca.crt", crt: leaf.pem, key: key, ca: root.pem, served: "leaf", says: lacks},
		{name: "the intermediate in ca.crt", crt: leaf.pem, key: key, ca: lower.pem + root.pem, served: "leaf", says: lacks},
		{name: "no intermediate, but the root", crt: leaf.pem + root.pem, key: key, served: "leaf", says: missing + `lower" to tls.crt`},
		{name: "the wrong intermediate", crt: leaf.pem + stranger.pem, key: key, served: "leaf", says: missing + `lower" to tls.crt`},
		{name: "the upper intermediate missing", crt: leaf.pem + lower.pem + root.pem, key: key, served: "leaf lower", says: missing + `upper" to tls.crt`},
		{name: "the upper intermediate missing without a sign", crt: leaf.pem + lower.pem, key: key, served: "leaf lower"},
		{name: "issued by a root", crt: byRoot.pem, key: keyText(t, byRoot.key), served: "by root"},
		{name: "issued by a root that ca.crt shows", crt: byRoot.pem, key: keyText(t, byRoot.key), ca: root.pem, served: "by root"},
		{name: "issued by a root of many in ca.crt", crt: byRoot.pem, key: keyText(t, byRoot.key), ca: strings.Join(others, "") + root.pem, served: "by root"},
		{name: "issued by a root that follows", crt: byRoot.pem + root.pem, key: keyText(t, byRoot.key), served: "by root root"},

		{name: "a key with a passphrase", crt: full, key: block("ENCRYPTED PRIVATE KEY", []byte("secret")), says: "the private key in tls.key is encrypted, expected one without a passphrase"},
		{name: "a key with a passphrase in OpenSSL's old form", crt: full, key: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n", says: "the private key in tls.key is encrypted"},
		{name: "the same with line ends of Windows", crt: full, key: "-----BEGIN EC PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,00\r\n\r\nc2VjcmV0\r\n-----END EC PRIVATE KEY-----\r\n", says: "the private key in tls.key is encrypted"},
		{name: "an encrypted key in a combined file", crt: full + block("ENCRYPTED PRIVATE KEY", []byte("secret")), key: full + block("ENCRYPTED PRIVATE KEY", []byte("secret")), says: "is encrypted"},
		{name: "a key of OpenSSH", crt: full, key: block("OPENSSH PRIVATE KEY", []byte("x")), says: `it holds a block "OPENSSH PRIVATE KEY", expected its private key in tls.key`},
		{name: "the public key", crt: full, key: block("PUBLIC KEY", public), says: `it holds a block "PUBLIC KEY", expected its private key in tls.key`},
		{name: "the certificate twice", crt: full, key: full, says: "it holds no block of PEM with its private key, expected in tls.key"},
		{name: "a request", crt: block("CERTIFICATE REQUEST", request), key: key, says: `it holds a block "CERTIFICATE REQUEST", expected the certificate in tls.crt`},
		{name: "PKCS #7", crt: block("PKCS7", []byte("x")), key: key, says: `it holds a block "PKCS7"`},
		{name: "DER", crt: string(leaf.certificate.Raw), key: key, says: "tls.crt is binary (DER or PKCS #12), expected PEM"},
		{name: "base64 of base64", crt: base64.StdEncoding.EncodeToString([]byte(full)), key: key, says: "tls.crt is encoded in base64 twice"},
		{name: "UTF-16", crt: "\xff\xfe-\x00-\x00", key: key, says: "tls.crt is in UTF-16"},
		{name: "no PEM", crt: full, key: "hunter2", says: "tls.key has no block of PEM"},
		{name: "a certificate without its end", crt: strings.TrimSuffix(strings.TrimSpace(full), "-----END CERTIFICATE-----"), key: key, says: "tls.crt holds a block \"CERTIFICATE\" without its end"},
		{name: "a certificate in the middle without its end", crt: strings.Replace(full, "-----END CERTIFICATE-----\n", "", 1), key: key, says: "without its end"},
		{name: "a line of base64 is lost", crt: strings.Replace(full, full[100:140], "", 1), key: key, says: "tls.crt holds a"},
		{name: "a key whose first line is not whole", crt: full, key: strings.Replace(key, "KEY-----\n", "KEY ", 1), says: "tls.key holds a line \"-----BEGIN\" that is not whole"},
		{name: "another's key", crt: full, key: keyText(t, own.key), says: "the private key does not match the certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			objs := kubetest.Manifests(strings.ReplaceAll(kubetest.TwoSecrets, ", {secretName: second}", ""))
			objs.Secrets = objects.TableOf(&corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "first", UID: types.UID("first"), ResourceVersion: "1"},
				Type:       corev1.SecretTypeTLS,
				Data:       map[string][]byte{corev1.TLSCertKey: []byte(test.crt), corev1.TLSPrivateKeyKey: []byte(test.key), "ca.crt": []byte(test.ca)},
			})
			snapshot := new(Builder).Build(objs, &objects.Config{WithoutClass: true})
			var served []string
			for _, certificate := range snapshot.Hosts.Get("app.example.com").Certificates {
				served = append(served, subjects(t, certificate)...)
			}
			if got := strings.Join(served, " "); got != test.served {
				t.Errorf("serves %q, want %q", got, test.served)
			}
			problems := kubetest.Problems(snapshot)
			switch {
			case test.says == "" && len(problems) > 0:
				t.Errorf("problems %v, want none", problems)
			case test.says != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, test.says)):
				t.Errorf("problems %v, want one that says %q", problems, test.says)
			}
		})
	}
}

// subjects lists the common names of a chain, whose key it tries.
func subjects(t *testing.T, certificate *gatelodge.Certificate) (names []string) {
	t.Helper()
	chain, err := x509.ParseCertificates(bytes.Join(certificate.KeyPair.Certificate, nil))
	kubetest.Must(t, err)
	for _, one := range chain {
		names = append(names, one.Subject.CommonName)
	}
	signer, digest := certificate.KeyPair.PrivateKey.(crypto.Signer), bytes.Repeat([]byte{7}, 32)
	signature, err := signer.Sign(rand.Reader, digest, crypto.SHA256)
	kubetest.Must(t, err)
	if !ecdsa.VerifyASN1(chain[0].PublicKey.(*ecdsa.PublicKey), digest, signature) {
		t.Error("the key is not that of the certificate")
	}
	return names
}

// TestPastedAuthorities: what verifies clients and backends is read as people
// paste it too, and never less of it than is there.
func TestPastedAuthorities(t *testing.T) {
	one, two := issuePair(t, "one", true, nil), issuePair(t, "two", true, nil)
	both := one.pem + two.pem
	for _, test := range []struct{ name, text, says string }{
		{name: "as it should be", text: both},
		{name: "a byte order mark", text: "\ufeff" + both},
		{name: "no line end between blocks", text: strings.ReplaceAll(both, "-----\n-----BEGIN", "----------BEGIN")},
		{name: "lines that were joined", text: strings.ReplaceAll(both, "\n", " ")},
		{name: "TRUSTED CERTIFICATE", text: strings.ReplaceAll(both, " CERTIFICATE", " TRUSTED CERTIFICATE")},
		{name: "the last without its end", text: both[:len(both)-30], says: "ca.crt holds a block \"CERTIFICATE\" without its end"},
		{name: "base64 of base64", text: base64.StdEncoding.EncodeToString([]byte(both)), says: "ca.crt is encoded in base64 twice"},
	} {
		secret := &corev1.Secret{Data: map[string][]byte{"ca.crt": []byte(test.text)}}
		trust, errOfClients := secrets.ReadClientTrust(secret, 1)
		roots, errOfBackends := secrets.ReadRoots(secret)
		for _, err := range []error{errOfClients, errOfBackends} {
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v, want %q", test.name, err, test.says)
			}
		}
		if test.says == "" && (len(trust.Authorities) != 2 || len(roots) != 2) {
			t.Errorf("%s: %d and %d authorities, want two", test.name, len(trust.Authorities), len(roots))
		}
	}
}

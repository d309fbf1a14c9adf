package secrets

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"gatelodge.dev/kube/kubetest"
)

// rsaKey makes a key of many bits of small primes, which is quick and good for
// nothing.
func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(1), E: 65537}}
	totient, one, e := big.NewInt(1), big.NewInt(1), big.NewInt(65537)
	for key.N.BitLen() < bits {
		size := min(1024, max(64, bits-key.N.BitLen()))
		prime, err := rand.Prime(rand.Reader, size)
		if err != nil {
			t.Fatal(err)
		}
		less := new(big.Int).Sub(prime, one)
		if new(big.Int).GCD(nil, nil, less, e).Cmp(one) != 0 {
			continue
		}
		key.Primes = append(key.Primes, prime)
		key.N = new(big.Int).Mul(key.N, prime)
		totient.Mul(totient, less)
	}
	key.D = new(big.Int).ModInverse(e, totient)
	return key
}

// TestAttackLargeKeysAndChains: what would make each handshake dear is refused,
// with a reason.
func TestAttackLargeKeysAndChains(t *testing.T) {
	pair := func(key crypto.Signer) (chain, text []byte) {
		secret := kubetest.CertificateSecret(t, "shop/tls", "1", key, []string{"a.test"}, kubetest.Now, kubetest.Now.Add(time.Hour))
		return secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	}
	chain, key := pair(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
	for _, test := range []struct {
		name       string
		chain, key []byte
		want       string // ""; it is read
	}{
		{"one certificate", chain, key, ""},
		{"as many as may be", bytes.Repeat(chain, maxCertificates), key, ""},
		{"one more", bytes.Repeat(chain, maxCertificates+1), key, "certificates"},
		{"much text", append(bytes.Repeat([]byte("#\n"), maxChainText), chain...), key, "octets"},
		{"a key of much text", chain, append(bytes.Repeat([]byte("#\n"), maxKeyText), key...), "octets"},
	} {
		_, _, err := ReadKeyPair(test.chain, test.key)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	for bits, good := range map[int]bool{2048: true, maxRSABits + 64: false} {
		chain, key := pair(rsaKey(t, bits))
		if _, _, err := ReadKeyPair(chain, key); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "RSA key") {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

package badkeys

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"math/big"
	"math/rand"
	"net/http/httptest"
	"strings"
	"testing"
)

func number(bits int, from *rand.Rand) *big.Int {
	n := new(big.Int).Rand(from, new(big.Int).Lsh(big.NewInt(1), uint(bits)))
	return n.SetBit(n, bits-1, 1).SetBit(n, bits-2, 1)
}

// primeFrom returns the first prime from n on.
func primeFrom(n *big.Int) *big.Int {
	p := new(big.Int).SetBit(n, 0, 1)
	for !p.ProbablyPrime(10) {
		p.Add(p, big.NewInt(2))
	}
	return p
}

// rocaPrime makes a prime as the faulty generator does.
func rocaPrime(bits, keyBits int, from *rand.Rand) *big.Int {
	m := big.NewInt(1)
	for _, p := range primes(rocaPrimes(keyBits)) {
		m.Mul(m, big.NewInt(p))
	}
	for {
		power := new(big.Int).Exp(big.NewInt(65537), number(60, from), m)
		k := new(big.Int).Div(number(bits, from), m)
		if p := k.Mul(k, m).Add(k, power); p.ProbablyPrime(10) {
			return p
		}
	}
}

func product(p, q *big.Int) *big.Int { return new(big.Int).Mul(p, q) }

func TestRSAThatCanBeComputed(t *testing.T) {
	from := rand.New(rand.NewSource(1))
	p, q := primeFrom(number(1024, from)), primeFrom(number(1024, from))
	for _, test := range []struct {
		what string
		key  rsa.PublicKey
		want string // part of it; "": the key is good
	}{
		{"two primes", rsa.PublicKey{N: product(p, q), E: 65537}, ""},
		{"exponent 3", rsa.PublicKey{N: product(p, q), E: 3}, ""},
		{"exponent 1", rsa.PublicKey{N: product(p, q), E: 1}, "exponent 1"},
		{"even exponent", rsa.PublicKey{N: product(p, q), E: 65536}, "exponent 65536"},
		{"512 bits", rsa.PublicKey{N: product(primeFrom(number(256, from)), primeFrom(number(256, from))), E: 65537}, "512 bits"},
		{"a square", rsa.PublicKey{N: product(p, p), E: 65537}, "close together"},
		{"the next prime", rsa.PublicKey{N: product(p, primeFrom(new(big.Int).Add(p, big.NewInt(2)))), E: 65537}, "close together"},
		// About the square of the distance, divided by eight times the root, is the number of rounds.
		{"the upper half equal", rsa.PublicKey{N: product(p, primeFrom(new(big.Int).Add(p, new(big.Int).Lsh(big.NewInt(1), 516)))), E: 65537}, "close together"},
		{"less of it equal", rsa.PublicKey{N: product(p, primeFrom(new(big.Int).Add(p, new(big.Int).Lsh(big.NewInt(1), 540)))), E: 65537}, ""},
		{"a small factor", rsa.PublicKey{N: product(primeFrom(number(2038, from)), big.NewInt(751)), E: 65537}, "small factor"},
		{"ROCA of 1024 bits", rsa.PublicKey{N: product(rocaPrime(512, 1024, from), rocaPrime(512, 1024, from)), E: 65537}, "ROCA"},
		{"ROCA of 2048 bits", rsa.PublicKey{N: product(rocaPrime(1024, 2048, from), rocaPrime(1024, 2048, from)), E: 65537}, "ROCA"},
		{"one prime of ROCA", rsa.PublicKey{N: product(rocaPrime(1024, 2048, from), q), E: 65537}, ""},
	} {
		got := Check(&test.key, "")
		if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}
}

func TestGoodKeysPass(t *testing.T) {
	from := rand.New(rand.NewSource(2))
	for range 2000 { // the primes are not needed for what could be wrong by chance
		n := number(2048, from)
		if isROCA(n) || fermatFactors(n, 1) {
			t.Fatalf("%x", n)
		}
	}
}

func TestWeak(t *testing.T) {
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	for want, key := range map[string]any{
		"1024 bits":  &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537},
		"exponent 3": &rsa.PublicKey{N: n, E: 3},
		"":           &rsa.PublicKey{N: n, E: 65537},
	} {
		if got := Weak(key); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := Weak(&ecdsa.PublicKey{}); got != "" {
		t.Error(got)
	}
}

// TestPublishedKeys: the key of the servers in Go's tests is known by what is made of
// a certificate.
func TestPublishedKeys(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	leaf := server.Certificate()
	if got := Check(leaf.PublicKey, Hash(leaf.RawSubjectPublicKeyInfo)); !strings.HasPrefix(got, "is published in Go, net/http/internal/") {
		t.Error(got)
	}
	list := make(List)
	if err := list.Add(published); err != nil || len(list) < 100 {
		t.Errorf("%d keys, error %v", len(list), err)
	}
}

func TestList(t *testing.T) {
	list := make(List)
	zeros := strings.Repeat("00", 32)
	err := list.Add("# a comment\n\n" + strings.ToUpper(strings.Repeat("ab", 32)) + "\n  " + zeros + " leaked in 2024\r\nno hash\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s= again\n")
	if err == nil || !strings.Contains(err.Error(), `line 5: "no" is not a valid hash`) {
		t.Error(err)
	}
	if got, want := list.Check(zeros), "is on the list of tls.badKeys: leaked in 2024"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := list.Check(strings.Repeat("ab", 32)), "is on the list of tls.badKeys: again"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := list.Check(strings.Repeat("01", 32)); got != "" {
		t.Error(got)
	}
}

// BenchmarkCheck is what a certificate with a large RSA key costs once, when it is
// read.
func BenchmarkCheck(b *testing.B) {
	from := rand.New(rand.NewSource(1))
	key := &rsa.PublicKey{N: product(primeFrom(number(1024, from)), primeFrom(number(1024, from))), E: 65537}
	for b.Loop() {
		if Check(key, "x") != "" {
			b.Fatal("the key is good")
		}
	}
}

package badkeys

import (
	"crypto/rsa"
	"fmt"
	"math/big"
)

const (
	// leastBits is below what a modulus is factored for a few hours' rent.
	leastBits = 1024
	// fermatRounds are for primes of which the upper half is equal and more, as bad
	// generators have made them. Public CAs make as many.
	fermatRounds = 110
	// mostTrial is the last prime that is tried as a factor.
	mostTrial = 751
)

// checkRSA says why a private key can be computed from the public one.
func checkRSA(key *rsa.PublicKey) string {
	switch {
	case key.N.BitLen() < leastBits:
		return fmt.Sprintf("is an RSA key of %d bits, which can be factored", key.N.BitLen())
	case key.E < 3 || key.E%2 == 0:
		return fmt.Sprintf("is an RSA key with the exponent %d, which protects nothing", key.E)
	case hasSmallFactor(key.N):
		return "is an RSA key with a small factor"
	case fermatFactors(key.N, fermatRounds):
		return "is an RSA key of two primes that are close together, so it can be factored"
	case isROCA(key.N):
		return "is an RSA key of a faulty generator, so it can be factored (ROCA, CVE-2017-15361)"
	}
	return ""
}

// Weak says what is wrong with a key that can't be computed today, but that clients
// or rules do not accept; "" for nothing. The text completes a sentence that begins
// with the key.
func Weak(public any) string {
	key, ok := public.(*rsa.PublicKey)
	switch {
	case !ok:
	case key.N.BitLen() < 2048:
		return fmt.Sprintf("is an RSA key of %d bits, which many clients don't accept, write one of 2048 bits or more", key.N.BitLen())
	case key.E < 65537:
		return fmt.Sprintf("is an RSA key with the exponent %d, write one with the exponent 65537", key.E)
	}
	return ""
}

func hasSmallFactor(n *big.Int) bool {
	product := big.NewInt(1)
	for _, p := range primes(mostTrial) {
		product.Mul(product, big.NewInt(p))
	}
	return new(big.Int).GCD(nil, nil, n, product).Cmp(big.NewInt(1)) != 0
}

// fermatFactors reports whether Fermat's method finds n = a²-b² = (a+b)(a-b) for one
// of the first numbers a from the root of n upwards, as it does if the factors are
// close to each other.
func fermatFactors(n *big.Int, rounds int) bool {
	a := new(big.Int).Sqrt(n)
	rest, root := new(big.Int), new(big.Int)
	one := big.NewInt(1)
	for range rounds + 1 {
		if rest.Mul(a, a).Sub(rest, n); rest.Sign() >= 0 && mayBeSquare(rest) {
			if root.Sqrt(rest); root.Mul(root, root).Cmp(rest) == 0 {
				return true
			}
		}
		a.Add(a, one)
	}
	return false
}

// mayBeSquare rules out nearly all numbers that are no squares, for a small part of
// what taking the root costs: a square is one modulo each prime.
func mayBeSquare(n *big.Int) bool {
	const product = 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 29 * 31 * 37
	rest := new(big.Int).Mod(n, big.NewInt(product)).Int64()
	for _, p := range [...]int64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37} {
		root := int64(0)
		for root <= p/2 && root*root%p != rest%p {
			root++
		}
		if root > p/2 {
			return false
		}
	}
	return true
}

// primes lists those up to a number.
func primes(most int64) (list []int64) {
next:
	for n := int64(2); n <= most; n++ {
		for _, p := range list {
			if n%p == 0 {
				continue next
			}
		}
		list = append(list, n)
	}
	return list
}

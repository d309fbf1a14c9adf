package badkeys

import "math/big"

// The generator of "The Return of Coppersmith's Attack" (Nemec et al., 2017) makes
// each prime as k·M + (65537^a mod M), where M is the product of the first primes, as
// many as the size of the key allows. So modulo each of these primes the modulus is a
// power of 65537, which is seldom so for any other modulus, and never by chance for
// all of them.

// rocaPrimes returns the last of the primes in M.
func rocaPrimes(bits int) int64 {
	switch {
	case bits < 992:
		return 167
	case bits < 1984:
		return 353
	case bits < 3968:
		return 701
	}
	return 1427
}

// isROCA reports whether the generator has made a modulus.
func isROCA(n *big.Int) bool {
	rest := new(big.Int)
	for _, p := range primes(rocaPrimes(n.BitLen())) {
		if !isPower(rest.Mod(n, big.NewInt(p)).Int64(), 65537%p, p) {
			return false
		}
	}
	return true
}

// isPower reports whether n is a power of base modulo p, all of them below p.
func isPower(n, base, p int64) bool {
	power := int64(1)
	for range p {
		if power == n {
			return true
		}
		power = power * base % p
	}
	return false
}

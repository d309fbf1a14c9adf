package proxy

import (
	"crypto/sha1"
	"crypto/subtle"

	"golang.org/x/crypto/bcrypt"

	gatelodge "gatelodge.dev"
)

// matchesHash reports whether password is the one that was hashed.
func matchesHash(password string, hash gatelodge.PasswordHash) bool {
	switch hash.Form {
	case gatelodge.Bcrypt:
		return bcrypt.CompareHashAndPassword([]byte(hash.Text), []byte(password)) == nil
	case gatelodge.APR1:
		return equal(apr1(password, hash.Salt), hash.Text)
	case gatelodge.SHA, gatelodge.SSHA:
		sum := sha1.Sum([]byte(password + hash.Salt))
		return equal(string(sum[:]), hash.Sum)
	}
	return false
}

func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// isSlow reports whether a hash is slow by design, so it has to wait for its turn.
func isSlow(hash gatelodge.PasswordHash) bool {
	return hash.Form == gatelodge.Bcrypt || hash.Form == gatelodge.APR1
}

// costliest returns the hash among users that takes longest to check, which is
// what the password of an unknown user is checked against.
func costliest(users map[string]gatelodge.PasswordHash) gatelodge.PasswordHash {
	var worst gatelodge.PasswordHash
	for _, hash := range users {
		if hash.Form > worst.Form || hash.Form == worst.Form && (hash.Cost > worst.Cost || hash.Cost == worst.Cost && hash.Text+hash.Sum < worst.Text+worst.Sum) {
			worst = hash
		}
	}
	return worst
}

package proxy

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// matchesHash tells whether password is the one that was hashed, in one of the
// forms of htpasswd: bcrypt, apr1, {SHA}.
func matchesHash(password, hash string) bool {
	switch {
	case strings.HasPrefix(hash, "$2"):
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	case strings.HasPrefix(hash, apr1Prefix):
		salt, _, ok := strings.Cut(hash[len(apr1Prefix):], "$")
		return ok && equal(apr1(password, salt), hash)
	case strings.HasPrefix(hash, "{SHA}"):
		sum := sha1.Sum([]byte(password))
		return equal("{SHA}"+base64.StdEncoding.EncodeToString(sum[:]), hash)
	}
	return false
}

func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// costliest returns the hash among users that takes longest to check, which is
// what the password of an unknown user is checked against.
func costliest(users map[string]string) string {
	worst, most := "", -1
	for _, hash := range users {
		cost := 0
		switch {
		case strings.HasPrefix(hash, "$2"):
			cost, _ = bcrypt.Cost([]byte(hash)) // validated; and 0 would do
			cost += 2
		case strings.HasPrefix(hash, apr1Prefix):
			cost = 1
		}
		if cost > most || cost == most && hash < worst {
			worst, most = hash, cost
		}
	}
	return worst
}

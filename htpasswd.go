package gatelodge

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// PasswordHash is a password hash parsed from one of the forms of htpasswd(1). No
// password matches the zero PasswordHash.
type PasswordHash struct {
	Form PasswordForm
	Text string // bcrypt and apr1: as written, for libraries that parse it themselves
	Salt string // apr1 and {SSHA}
	Sum  string // {SHA} and {SSHA}: the decoded digest
	Cost int    // bcrypt: the base-2 logarithm of the rounds
}

// PasswordForm is the algorithm of a password hash.
type PasswordForm uint8

// The supported forms.
const (
	SHA    PasswordForm = iota + 1 // {SHA}: SHA-1
	SSHA                           // {SSHA}: SHA-1 with a salt, as LDAP servers write it
	APR1                           // $apr1$: Apache's MD5
	Bcrypt                         // $2a$, $2b$, $2y$
)

// MaxBcryptCost keeps one team's Secret from using up the CPU that all teams share.
// Each step doubles the work; a hash of cost 14 takes about a second, during which
// other logins may have to wait.
const MaxBcryptCost = 14

// ParsePasswordHash parses a hash as written in an htpasswd file. Its errors
// complete a sentence that begins with the password, and never contain the hash.
func ParsePasswordHash(text string) (PasswordHash, error) {
	for _, form := range passwordForms {
		if rest, ok := strings.CutPrefix(text, form.prefix); ok {
			return form.read(text, rest)
		}
	}
	return PasswordHash{}, errors.New("is not a hash that is read here" + writeBcrypt)
}

// writeBcrypt ends the error for an unsupported hash.
const writeBcrypt = `, write bcrypt (htpasswd -B), apr1, {SSHA} or {SHA}`

var passwordForms = []struct {
	prefix string
	read   func(text, rest string) (PasswordHash, error)
}{
	{"$2a$", readBcrypt},
	{"$2b$", readBcrypt},
	{"$2y$", readBcrypt},
	{"$apr1$", readAPR1},
	{"{SHA}", readSHA},
	{"{SSHA}", readSSHA},
	{"$1$", unread("MD5-crypt")},
	{"$5$", unread("SHA-256-crypt")},
	{"$6$", unread("SHA-512-crypt")},
	{"$7$", unread("scrypt")},
	{"$y$", unread("yescrypt")},
	{"$argon2", unread("Argon2")},
	{"{PLAIN}", unread("no algorithm at all")},
}

func unread(algorithm string) func(string, string) (PasswordHash, error) {
	return func(string, string) (PasswordHash, error) {
		return PasswordHash{}, errors.New("is hashed with " + algorithm + ", which is not read here" + writeBcrypt)
	}
}

// readBcrypt parses "$2b$COST$" followed by 22 characters of salt and 31 of digest.
func readBcrypt(text, rest string) (PasswordHash, error) {
	digits, encoded, ok := strings.Cut(rest, "$")
	cost, err := strconv.ParseUint(digits, 10, 8)
	switch {
	case !ok || err != nil || len(digits) != 2 || cost < 4 || cost > 31 || len(encoded) != 53 || !isCryptBase64(encoded):
		return PasswordHash{}, errors.New("is not a complete bcrypt hash")
	case cost > MaxBcryptCost:
		return PasswordHash{}, fmt.Errorf("is hashed with bcrypt of cost %d, the most is %d", cost, MaxBcryptCost)
	}
	return PasswordHash{Form: Bcrypt, Text: text, Cost: int(cost)}, nil
}

func readAPR1(text, rest string) (PasswordHash, error) {
	salt, sum, ok := strings.Cut(rest, "$")
	if !ok || salt == "" || len(salt) > 8 || len(sum) != 22 || !isCryptBase64(sum) {
		return PasswordHash{}, errors.New("is not a complete apr1 hash")
	}
	return PasswordHash{Form: APR1, Text: text, Salt: salt}, nil
}

// sizeOfSHA1 is the size of a SHA-1 digest in bytes.
const sizeOfSHA1 = 20

func readSHA(_, rest string) (PasswordHash, error) {
	sum, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(sum) != sizeOfSHA1 {
		return PasswordHash{}, errors.New("is not a complete {SHA} hash")
	}
	return PasswordHash{Form: SHA, Sum: string(sum)}, nil
}

// maxSalt is the maximum size of the salt in an {SSHA} hash, in bytes. LDAP servers
// write 4 to 16.
const maxSalt = 64

func readSSHA(_, rest string) (PasswordHash, error) {
	sum, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(sum) <= sizeOfSHA1 || len(sum) > sizeOfSHA1+maxSalt {
		return PasswordHash{}, errors.New("is not a complete {SSHA} hash")
	}
	return PasswordHash{Form: SSHA, Sum: string(sum[:sizeOfSHA1]), Salt: string(sum[sizeOfSHA1:])}, nil
}

// isCryptBase64 reports whether s is in the base64 alphabet of crypt(3).
func isCryptBase64(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '/') {
			return false
		}
	}
	return true
}

// String keeps the hash out of logs.
func (PasswordHash) String() string { return "(hash)" }

package intent

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// maxBcryptCost keeps one team's Secret from using up the processor that all
// share: each step doubles the work, and 16 takes seconds already.
const maxBcryptCost = 16

// ParseHtpasswd reads lines of user:hash as htpasswd(1) writes them; blank
// lines and those that start with "#" are skipped. Of two lines for one user
// the first counts, as in Apache. A problem names the line and never the hash.
func ParseHtpasswd(file []byte) (users map[string]string, problems []string) {
	users = make(map[string]string)
	number := 0
	for line := range bytes.Lines(file) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		user, hash, ok := strings.Cut(text, ":")
		if !ok || user == "" {
			problems = append(problems, fmt.Sprintf("line %d is not of the form user:hash", number))
			continue
		}
		if err := CheckHash(hash); err != nil {
			problems = append(problems, fmt.Sprintf("line %d: the password of user %.60q %v", number, user, err))
			continue
		}
		if _, twice := users[user]; twice {
			problems = append(problems, fmt.Sprintf("line %d: user %.60q has a line before, which counts", number, user))
			continue
		}
		users[user] = hash
	}
	return users, problems
}

// usersOfMap reads a Secret each of whose keys is a user with the hash as its
// value.
func usersOfMap(data map[string][]byte) (users map[string]string, problems []string) {
	users = make(map[string]string)
	for _, user := range slices.Sorted(maps.Keys(data)) {
		hash := strings.TrimSpace(string(data[user]))
		if err := CheckHash(hash); err != nil {
			problems = append(problems, fmt.Sprintf("the password of user %.60q %v", user, err))
			continue
		}
		users[user] = hash
	}
	return users, problems
}

// CheckHash tells whether passwords can be compared with the hash: bcrypt,
// Apache's MD5 and SHA-1 are the forms that htpasswd makes for every platform.
func CheckHash(hash string) error {
	switch {
	case strings.HasPrefix(hash, "$2a$"), strings.HasPrefix(hash, "$2b$"), strings.HasPrefix(hash, "$2y$"):
		cost, err := bcrypt.Cost([]byte(hash))
		switch {
		case err != nil || len(hash) != 60:
			return errors.New("is no whole bcrypt hash")
		case cost > maxBcryptCost:
			return fmt.Errorf("is hashed with bcrypt of cost %d, the most is %d", cost, maxBcryptCost)
		}
	case strings.HasPrefix(hash, "$apr1$"):
		salt, sum, ok := strings.Cut(hash[len("$apr1$"):], "$")
		if !ok || salt == "" || len(salt) > 8 || len(sum) != 22 {
			return errors.New("is no whole apr1 hash")
		}
	case strings.HasPrefix(hash, "{SHA}"):
		if sum, err := base64.StdEncoding.DecodeString(hash[len("{SHA}"):]); err != nil || len(sum) != 20 {
			return errors.New("is no whole {SHA} hash")
		}
	default:
		return errors.New("is not hashed in a form that is supported, expected bcrypt, apr1 or {SHA}")
	}
	return nil
}

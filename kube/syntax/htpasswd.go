package syntax

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// maxUsers bounds the users of a Secret.
const maxUsers = 2000

// ParseHtpasswd reads lines of user:hash as htpasswd(1) writes them, with or
// without a further colon and a comment behind the hash, which has no colon in
// any form; blank lines, those that start with "#" and a byte order mark are
// skipped. Of two lines for one user the first counts, as in Apache, and of all users the first 2,000. A problem
// names the line and never the hash.
func ParseHtpasswd(file []byte) (users map[string]gatelodge.PasswordHash, problems []string) {
	users = make(map[string]gatelodge.PasswordHash)
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	number := 0
	for line := range bytes.Lines(file) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		user, rest, ok := strings.Cut(text, ":")
		written, _, _ := strings.Cut(rest, ":")
		if !ok || user == "" {
			problems = append(problems, fmt.Sprintf("line %d is not of the form user:hash", number))
			continue
		}
		hash, err := gatelodge.ParsePasswordHash(strings.TrimSpace(written))
		if err != nil {
			problems = append(problems, fmt.Sprintf("line %d: the password of user %.60q %v", number, user, err))
			continue
		}
		if len(users) == maxUsers {
			return users, append(problems, fmt.Sprintf("line %d: there are more than %d users, and the others can't get in", number, maxUsers))
		}
		if _, twice := users[user]; twice {
			problems = append(problems, fmt.Sprintf("line %d: user %.60q already has a line, which is used", number, user))
			continue
		}
		users[user] = hash
	}
	return users, problems
}

// ReadUserMap reads a Secret each of whose keys is a user with the hash as its
// value.
func ReadUserMap(data map[string][]byte) (users map[string]gatelodge.PasswordHash, problems []string) {
	users = make(map[string]gatelodge.PasswordHash)
	for _, user := range slices.Sorted(maps.Keys(data)) {
		hash, err := gatelodge.ParsePasswordHash(strings.TrimSpace(string(data[user])))
		if err != nil {
			problems = append(problems, fmt.Sprintf("the password of user %.60q %v", user, err))
			continue
		}
		if len(users) == maxUsers {
			return users, append(problems, fmt.Sprintf("there are more than %d users, and the others can't get in", maxUsers))
		}
		users[user] = hash
	}
	return users, problems
}

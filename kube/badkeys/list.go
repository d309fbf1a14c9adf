package badkeys

import (
	"crypto/rsa"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// published is the list of keys that stand in public sources, in the form of Parse.
//
//go:embed published.txt
var published string

// Hash identifies a public key by its SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), in
// DER. It is what lists have.
func Hash(spki []byte) string {
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

// Check says why others have a key, or can compute it, "" for no known reason. The
// text completes a sentence that begins with the key. hash is the key's.
func Check(public any, hash string) string {
	if _, after, found := strings.Cut(published, "\n"+hash+" "); found {
		where, _, _ := strings.Cut(after, "\n")
		return "is published in " + where
	}
	if key, ok := public.(*rsa.PublicKey); ok {
		return checkRSA(key)
	}
	return ""
}

// List is keys by their hashes, with what is said of each.
type List map[string]string

// maxNote limits what is kept of what a list says of a key, in octets.
const maxNote = 100

// Add adds the keys of a text. A line has the hash of a key, in hexadecimal digits or
// base64, and after a space what is known of the key. Empty lines, and those that
// begin with #, are left out. It returns the first line that is neither, by its
// number from 1, as an error; the other lines are added.
func (l List) Add(text string) (err error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		field, note, _ := strings.Cut(line, " ")
		hash, ok := parseHash(field)
		if !ok {
			if err == nil {
				err = fmt.Errorf("line %d: %.70q is not a valid hash of a key, write the SHA-256 of its SubjectPublicKeyInfo as 64 hexadecimal digits or in base64", number, field)
			}
			continue
		}
		l[hash] = strings.TrimSpace(note[:min(len(note), maxNote)])
	}
	return err
}

func parseHash(s string) (hash string, ok bool) {
	sum, err := hex.DecodeString(s)
	if len(s) != hex.EncodedLen(sha256.Size) {
		sum, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	}
	return hex.EncodeToString(sum), err == nil && len(sum) == sha256.Size
}

// Check is the function Check for the keys of the list.
func (l List) Check(hash string) string {
	note, found := l[hash]
	switch {
	case !found:
		return ""
	case note == "":
		return "is on the list of tls.badKeys"
	}
	return "is on the list of tls.badKeys: " + note
}

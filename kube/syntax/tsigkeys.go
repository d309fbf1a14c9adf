package syntax

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// The bounds of a key: RFC 8945 §8 wants secrets as long as the digest, and half of
// that is the least that anyone should use.
const (
	leastSecret = 16
	mostSecret  = 512
	mostKeys    = 100
)

// errKeys never quotes the text, which is secret.
var errKeys = errors.New(`is not a list of keys as tsig-keygen prints them, write clauses like key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`)

// ParseTransferKeys parses keys in the form of named.conf, as BIND's tsig-keygen
// prints them. Errors quote nothing secret.
func ParseTransferKeys(text string) ([]*gatelodge.TransferKey, error) {
	words := keyWords(text)
	var keys []*gatelodge.TransferKey
	for len(words) > 0 {
		if len(words) < 5 || words[0] != "key" || words[2] != "{" {
			return nil, errKeys
		}
		name, err := ParseName(words[1])
		if err != nil || name.IsWildcard() {
			return nil, errKeys
		}
		key := &gatelodge.TransferKey{Name: name}
		for words = words[3:]; len(words) > 0 && words[0] != "}"; words = words[3:] {
			if len(words) < 3 || words[2] != ";" {
				return nil, errKeys
			}
			switch words[0] {
			case "algorithm":
				key.Algorithm = strings.ToLower(words[1])
			case "secret":
				if key.Secret, err = base64.StdEncoding.DecodeString(words[1]); err != nil {
					return nil, fmt.Errorf("has a key %s whose secret is not base64", name)
				}
			default:
				return nil, errKeys
			}
		}
		if len(words) < 2 || words[1] != ";" {
			return nil, errKeys
		}
		words = words[2:]
		switch {
		case !slices.Contains(gatelodge.TransferAlgorithms, key.Algorithm):
			return nil, fmt.Errorf("has a key %s with the algorithm %.30q, write %s", name, key.Algorithm, strings.Join(gatelodge.TransferAlgorithms, " or "))
		case len(key.Secret) < leastSecret || len(key.Secret) > mostSecret:
			return nil, fmt.Errorf("has a key %s with a secret of %d octets, write %d to %d", name, len(key.Secret), leastSecret, mostSecret)
		case slices.ContainsFunc(keys, func(k *gatelodge.TransferKey) bool { return k.Name == name }):
			return nil, fmt.Errorf("has the key %s twice", name)
		case len(keys) == mostKeys:
			return nil, fmt.Errorf("has more than %d keys", mostKeys)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errKeys
	}
	return keys, nil
}

// keyWords are the words of the text, without quotes and comments; braces and
// semicolons are words of their own.
func keyWords(text string) []string {
	var words []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for at := range len(line) {
			if strings.HasPrefix(line[at:], "//") && strings.Count(line[:at], `"`)%2 == 0 { // base64 may have it
				line = line[:at]
				break
			}
		}
		for _, mark := range []string{"{", "}", ";", `"`} {
			line = strings.ReplaceAll(line, mark, " "+mark+" ")
		}
		for _, word := range strings.Fields(line) {
			if word != `"` {
				words = append(words, word)
			}
		}
	}
	return words
}

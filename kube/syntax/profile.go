package syntax

import (
	"errors"
	"strings"
)

// ReadProfile reads the name of a profile of a CA. The error completes a sentence
// that begins with the text.
func ReadProfile(text string) (string, error) {
	const others = "._-"
	if text == "" || len(text) > 64 || strings.ContainsFunc(text, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(others, c))
	}) {
		return "", errors.New("is not a valid name of a profile")
	}
	return text, nil
}

package objects

import (
	"crypto/sha256"
	"encoding/hex"
)

// HashOf returns a hash of the text, as a resourceVersion, in hexadecimal digits.
func HashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

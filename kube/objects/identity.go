package objects

import (
	"crypto/sha256"
	"encoding/hex"
)

func HashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

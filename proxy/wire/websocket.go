package wire

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
)

// NewWebSocketKey returns a key as the handshake of HTTP/1.1 has it, and that of
// HTTP/2 has not (RFC 8441 §5), so that a client of the one can talk to an
// endpoint of the other.
func NewWebSocketKey() string {
	var key [16]byte
	rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}

// WebSocketAccept is the Sec-WebSocket-Accept that answers a key (RFC 6455
// §4.2.2).
func WebSocketAccept(key string) string {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}

package wire

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
)

// NewWebSocketKey returns a key for a handshake over HTTP/1.1. Over HTTP/2 there is
// none (RFC 8441 §5), so a client over HTTP/2 needs one for an endpoint over HTTP/1.1.
func NewWebSocketKey() string {
	var key [16]byte
	rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}

// WebSocketAccept returns the Sec-WebSocket-Accept for a key (RFC 6455 §4.2.2).
func WebSocketAccept(key string) string {
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	sum := sha1.Sum([]byte(key + guid))
	return base64.StdEncoding.EncodeToString(sum[:])
}

package http1

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"strings"
)

// webSocketGUID is the constant of RFC 6455 §1.3.
const webSocketGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// offerWebSocket adds the key that the handshake of HTTP/1.1 has and that of
// HTTP/2 has not (RFC 8441 §5), so that a client of the one can talk to an
// endpoint of the other.
func (f *forward) offerWebSocket(b []byte) []byte {
	if f.ex.Upgrade != "websocket" || f.ex.Header.Has("sec-websocket-key") {
		return b
	}
	var key [16]byte
	rand.Read(key[:])
	f.key = base64.StdEncoding.EncodeToString(key[:])
	return appendField(b, "sec-websocket-key", f.key)
}

// acceptWebSocket checks the answer to a key that offerWebSocket added, and
// takes it out (RFC 6455 §4.1).
func (f *forward) acceptWebSocket() error {
	if f.key == "" {
		return nil
	}
	sum := sha1.Sum([]byte(f.key + webSocketGUID))
	accept := strings.TrimSpace(f.head.fields.Get("sec-websocket-accept"))
	if accept != base64.StdEncoding.EncodeToString(sum[:]) {
		return badf("Sec-WebSocket-Accept %q does not fit the key", accept)
	}
	f.head.fields.Del("sec-websocket-accept")
	return nil
}

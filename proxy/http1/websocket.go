package http1

import "gatelodge.dev/proxy/wire"

// offerWebSocket adds the key of the handshake, which HTTP/2 clients do not send.
func (f *forward) offerWebSocket(b []byte) []byte {
	if f.ex.Upgrade != "websocket" || f.ex.Header.Has("sec-websocket-key") {
		return b
	}
	f.key = wire.NewWebSocketKey()
	return appendField(b, "sec-websocket-key", f.key)
}

// acceptWebSocket checks the response to a key that offerWebSocket added, and
// removes it (RFC 6455 §4.1).
func (f *forward) acceptWebSocket() error {
	if f.key == "" {
		return nil
	}
	accept := f.head.fields.Get("sec-websocket-accept")
	if accept != wire.WebSocketAccept(f.key) {
		return wire.Badf("Sec-WebSocket-Accept %q does not fit the key", accept)
	}
	f.head.fields.Del("sec-websocket-accept")
	return nil
}

package http1

import (
	"net"

	"gatelodge.dev/proxy/wire"
)

// halfCloser is a connection whose writing side can be closed separately.
type halfCloser interface{ CloseWrite() error }

// linger closes the writing side and reads on for a while, so that the peer can
// read what was written last.
func (bc *bufConn) linger() {
	half, ok := bc.conn.(halfCloser)
	if !ok || half.CloseWrite() != nil || bc.armRead(discardPeriod) != nil {
		return
	}
	for n := 0; n < maxDiscard; n += bc.buffered() {
		bc.r = bc.w
		if bc.fill(wire.Keep) != nil {
			return
		}
	}
}

// reset closes the connection in a way that the peer can tell from an orderly end.
func (bc *bufConn) reset() {
	nc := bc.conn
	if secure, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = secure.NetConn() // tls.Conn.Close would say that the stream is complete
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // at worst the end looks orderly
	}
	nc.Close()
}

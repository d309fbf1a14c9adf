package nethttp

import (
	"net"
	"sync"

	"gatelodge.dev/proxy/exchange"
)

// handedConns is the listener from which net/http accepts the connections that
// others give us.
type handedConns struct {
	next   chan *handedConn
	once   sync.Once
	closed chan struct{}
}

// Accept returns the next connection.
func (l *handedConns) Accept() (net.Conn, error) {
	select {
	case c := <-l.next:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *handedConns) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is where nobody listens: the connections come from elsewhere.
func (l *handedConns) Addr() net.Addr { return &net.TCPAddr{} }

// handedConn is a connection of which a part may have been read, and which
// tells when it has ended.
type handedConn struct {
	net.Conn
	info  *exchange.Conn
	read  []byte // comes first
	once  sync.Once
	ended chan struct{}
}

// Read returns what was read before, and then what comes.
func (c *handedConn) Read(p []byte) (int, error) {
	if len(c.read) > 0 {
		n := copy(p, c.read)
		c.read = c.read[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// Close closes the connection and tells whoever handed it over.
func (c *handedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { close(c.ended) })
	return err
}

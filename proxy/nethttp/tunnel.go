package nethttp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"time"

	"gatelodge.dev/proxy/exchange"
)

// tunnel is a client's connection after an upgrade.
type tunnel struct {
	x        *exchange.Exchange
	conn     net.Conn
	buffered *bufio.Reader // what the client sent behind its request comes first
	timeout  time.Duration // of one write
}

// Read waits for as long as it takes: what is an idle tunnel only its two ends
// know, and TCP's keep-alive finds out about a peer that is gone.
func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.read(p)
	t.x.Received += int64(n)
	if err != nil && err != io.EOF {
		err = clientError("read", err)
	}
	return n, err
}

func (t *tunnel) read(p []byte) (int, error) {
	if t.buffered.Buffered() > 0 {
		return t.buffered.Read(p[:min(len(p), t.buffered.Buffered())])
	}
	return t.conn.Read(p)
}

// Write sends p to the client.
func (t *tunnel) Write(p []byte) (int, error) {
	if err := t.write(p); err != nil {
		return 0, err
	}
	t.x.Sent += int64(len(p))
	return len(p), nil
}

func (t *tunnel) write(p []byte) error {
	err := t.conn.SetWriteDeadline(deadline(t.timeout))
	if err == nil {
		_, err = t.conn.Write(p)
	}
	if err != nil {
		return clientError("write", err)
	}
	return nil
}

// CloseWrite tells the client that nothing more comes.
func (t *tunnel) CloseWrite() error {
	half, ok := t.conn.(interface{ CloseWrite() error })
	if !ok {
		return clientError("close", errors.ErrUnsupported)
	}
	if err := half.CloseWrite(); err != nil {
		return clientError("close", err)
	}
	return nil
}

// Close ends the connection.
func (t *tunnel) Close() error {
	if err := t.conn.Close(); err != nil {
		return clientError("close", err)
	}
	return nil
}

var _ exchange.Tunnel = (*tunnel)(nil)

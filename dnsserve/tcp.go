package dnsserve

import (
	"bufio"
	"cmp"
	"container/list"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Limits of connections (RFC 7766 §6.2). A client that sends its queries or reads
// its replies too slowly is treated like an idle one.
const (
	tcpConnections = 1000 // of a listener; one more closes the one that has been idle longest
	tcpIdle        = 10 * time.Second
	tcpWrite       = 5 * time.Second
	drainTime      = 100 * time.Millisecond // to read what had arrived when draining began
)

// tcpServer answers on connections, plain or with TLS: one query after the other, in
// the order of arrival, even if the client does not wait for replies (RFC 7766
// §6.2.1.1).
type tcpServer struct {
	listener  net.Listener
	via       transport
	responder func() *responder
	log       *slog.Logger
	idle      time.Duration
	write     time.Duration

	mu       sync.Mutex
	conns    list.List // of *tcpConn, the one that has been idle longest in front
	most     int
	draining bool
	serving  sync.WaitGroup
}

// tcpConn is a connection in the list of its server.
type tcpConn struct {
	net.Conn
	place *list.Element
}

// abort closes the connection without TLS's close_notify, which would wait for a
// client that does not read.
func (c *tcpConn) abort() {
	if secure, ok := c.Conn.(*tls.Conn); ok {
		secure.NetConn().Close()
		return
	}
	c.Close()
}

func newTCPServer(l net.Listener, via transport, responder func() *responder, log *slog.Logger) *tcpServer {
	return &tcpServer{listener: l, via: via, responder: responder, log: log, idle: tcpIdle, write: tcpWrite, most: tcpConnections}
}

// serve accepts connections until the listener is closed, and returns when the
// last connection has ended.
func (s *tcpServer) serve() error {
	defer s.serving.Wait()
	for {
		conn, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case isTemporary(err):
			// Out of file descriptors: wait until connections end.
			s.log.Warn("can't accept a DNS connection", "error", err)
			time.Sleep(acceptPause)
			continue
		case err != nil:
			return fmt.Errorf("TCP %s: %w", s.listener.Addr(), err)
		}
		if c := s.add(conn); c != nil {
			s.serving.Add(1)
			go func() {
				defer s.serving.Done()
				defer s.remove(c)
				s.answer(c)
			}()
		}
	}
}

// acceptPause is the wait after a failed accept.
const acceptPause = 50 * time.Millisecond

func isTemporary(err error) bool {
	var temporary interface{ Temporary() bool }
	return errors.As(err, &temporary) && temporary.Temporary()
}

// add adds conn to the list. It returns nil if the server is draining.
func (s *tcpServer) add(conn net.Conn) *tcpConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		conn.Close()
		return nil
	}
	if s.conns.Len() >= s.most {
		oldest := s.conns.Front()
		oldest.Value.(*tcpConn).abort()
		s.conns.Remove(oldest)
	}
	c := &tcpConn{Conn: conn}
	c.place = s.conns.PushBack(c)
	return c
}

// remove takes c out of the list and closes it.
func (s *tcpServer) remove(c *tcpConn) {
	s.mu.Lock()
	s.conns.Remove(c.place)
	s.mu.Unlock()
	c.Close()
}

// touch records that c received a query, and restarts the client's idle time.
func (s *tcpServer) touch(c *tcpConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns.MoveToBack(c.place)
	if !s.draining { // otherwise the deadline that drain set stays
		_ = c.SetReadDeadline(time.Now().Add(s.idle))
	}
}

// answer answers the queries on c until it ends. Replies are sent together while more
// queries can be read without waiting.
func (s *tcpServer) answer(c *tcpConn) {
	client, _ := netip.ParseAddrPort(c.RemoteAddr().String())
	r := s.responder()
	in, out := bufio.NewReader(c), bufio.NewWriter(c)
	var message, reply []byte
	for {
		s.touch(c)
		var err error
		if message, err = readMessage(in, message); err != nil {
			return // the client is done, too slow, or cut off
		}
		if secure, ok := c.Conn.(*tls.Conn); ok {
			state := secure.ConnectionState()
			r.strictTLS = state.Version >= tls.VersionTLS13 && state.NegotiatedProtocol == alpnDOT
		}
		now := time.Now()
		reply = r.respond(reply[:0], message, client.Addr(), s.via, now)
		r.observe(time.Since(now))
		if x := r.outgoing; x != nil {
			if s.transfer(c, out, x) != nil {
				return
			}
			continue
		}
		if reply == nil {
			out.Flush()
			return // bytes after a message that is not a query may not be a query
		}
		var size [2]byte
		binary.BigEndian.PutUint16(size[:], uint16(len(reply)))
		_ = c.SetWriteDeadline(now.Add(s.write))
		out.Write(size[:]) // out keeps its first error for Flush
		out.Write(reply)
		if !holdsMessage(in) && out.Flush() != nil {
			return
		}
	}
}

// transfer writes the messages of a transfer. If the client reads a message or the
// whole too slowly, the connection is closed.
func (s *tcpServer) transfer(c *tcpConn, out *bufio.Writer, x *outgoing) (err error) {
	begin := time.Now()
	for message := range x.messages() {
		now := time.Now()
		if now.Sub(begin) > transferTime {
			err = os.ErrDeadlineExceeded
			break
		}
		s.touch(c)
		_ = c.SetWriteDeadline(now.Add(s.write))
		var size [2]byte
		binary.BigEndian.PutUint16(size[:], uint16(len(message)))
		out.Write(size[:]) // out keeps its first error
		if _, err = out.Write(message); err != nil {
			break
		}
	}
	err = cmp.Or(err, out.Flush())
	x.end(err)
	return err
}

// holdsMessage reports whether the next message can be read without waiting.
func holdsMessage(in *bufio.Reader) bool {
	if in.Buffered() < 2 {
		return false
	}
	size, _ := in.Peek(2)
	return in.Buffered()-2 >= int(binary.BigEndian.Uint16(size))
}

// readMessage reads a length (RFC 1035 §4.2.2) and the message after it, into buf
// or a larger buffer.
func readMessage(in *bufio.Reader, buf []byte) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	_, err := io.ReadFull(in, buf[:n])
	return buf[:n], err
}

// drain stops accepting, and leaves each connection drainTime to read and answer
// what has arrived on it.
func (s *tcpServer) drain() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for e := s.conns.Front(); e != nil; e = e.Next() {
		_ = e.Value.(*tcpConn).SetReadDeadline(time.Now().Add(drainTime))
	}
}

func (s *tcpServer) close() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for e := s.conns.Front(); e != nil; e = e.Next() {
		e.Value.(*tcpConn).abort()
	}
}

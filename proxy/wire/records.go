package wire

import (
	"errors"
	"net"
	"os"
)

// Records is the TCP connection below a tls.Conn. TLS reads ahead: data from the peer
// may already be in the tls.Conn, where checking the socket does not find it. Records
// follows the boundaries of TLS records (RFC 8446 §5.1), to find out what the tls.Conn
// contains without waiting for more.
type Records struct {
	*net.TCPConn

	header [recordHeader]byte // of the current record
	have   int                // bytes of header that were read; 0 between two records
	left   int                // unread bytes of the record after its header
	shut   bool               // Read returns nothing more

	keeping bool
	kept    []byte // read while keeping
	mute    bool   // writes are dropped
}

// recordHeader is the size of type, version and length.
const recordHeader = 5

// BelowTLS returns c as the connection below a tls.Conn.
func BelowTLS(c net.Conn) net.Conn {
	if tcp, ok := c.(*net.TCPConn); ok {
		return &Records{TCPConn: tcp}
	}
	return c
}

// RecordsOf returns what BelowTLS made for the tls.Conn c, nil for any other.
func RecordsOf(c net.Conn) *Records {
	if layer, ok := c.(interface{ NetConn() net.Conn }); ok {
		r, _ := layer.NetConn().(*Records)
		return r
	}
	return nil
}

// Read reads from the TCP connection.
func (r *Records) Read(p []byte) (int, error) {
	if r.shut {
		return 0, os.ErrDeadlineExceeded // a tls.Conn remains usable after this error
	}
	n, err := r.TCPConn.Read(p)
	if r.keeping {
		r.kept = append(r.kept, p[:n]...)
	}
	r.follow(p[:n])
	return n, err
}

// Write writes to the TCP connection, unless it was taken over.
func (r *Records) Write(p []byte) (int, error) {
	if r.mute {
		return len(p), nil
	}
	return r.TCPConn.Write(p)
}

// Keep keeps everything that is read until the end of the client's first message, which
// decides what answers it: then either Forget or TakeOver is called.
func (r *Records) Keep() { r.keeping = true }

// Forget drops the kept bytes.
func (r *Records) Forget() { r.keeping, r.kept = false, nil }

// TakeOver returns the kept bytes. The tls.Conn above can't write any more.
func (r *Records) TakeOver() []byte {
	kept := r.kept
	r.Forget()
	r.mute = true
	return kept
}

func (r *Records) follow(p []byte) {
	for len(p) > 0 {
		if r.have < recordHeader {
			n := copy(r.header[r.have:], p)
			r.have += n
			p = p[n:]
			if r.have < recordHeader {
				return
			}
			r.left = int(r.header[3])<<8 | int(r.header[4])
		}
		n := min(r.left, len(p))
		r.left -= n
		p = p[n:]
		if r.left == 0 {
			r.have = 0
		}
	}
}

// ReadNow reads the data that secure, the tls.Conn above r, has without waiting for the
// peer. A nil Records has none.
func (r *Records) ReadNow(secure net.Conn, p []byte) int {
	if r == nil {
		return 0
	}
	n, _ := r.readNow(secure, p) // the next read gets the error again
	return n
}

func (r *Records) readNow(secure net.Conn, p []byte) (int, error) {
	r.shut = true
	n, err := secure.Read(p)
	r.shut = false
	return n, err
}

// Holds reports whether secure, the tls.Conn above r, contains anything unread:
// application data, a part of a record, or the end. It does not wait, and the data is
// lost.
func (r *Records) Holds(secure net.Conn, scratch []byte) bool {
	n, err := r.readNow(secure, scratch)
	return n > 0 || r.have > 0 || !errors.Is(err, os.ErrDeadlineExceeded)
}

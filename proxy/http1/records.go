package http1

import (
	"errors"
	"net"
	"os"
)

// Records is the TCP connection below TLS to an endpoint. TLS reads ahead: what an
// endpoint sends after a response may already be in the tls.Conn, where a look at
// the socket does not find it, and the next client would get it as its response.
// Records follows the boundaries of TLS records (RFC 8446 §5.1), so that a Client
// can find out whether the tls.Conn holds anything.
//
// A Dial of a Client with TLS uses it: tls.Client(&Records{TCPConn: tcp}, config).
type Records struct {
	*net.TCPConn

	header [recordHeader]byte // of the current record
	have   int                // bytes of header that were read; 0 between two records
	left   int                // unread bytes of the record after its header
	shut   bool               // Read returns nothing more
}

// recordHeader is the size of type, version and length.
const recordHeader = 5

// Read reads from the TCP connection.
func (r *Records) Read(p []byte) (int, error) {
	if r.shut {
		return 0, os.ErrDeadlineExceeded // a tls.Conn remains usable after this error
	}
	n, err := r.TCPConn.Read(p)
	r.follow(p[:n])
	return n, err
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

// holds reports whether secure, the TLS connection above r, has read anything that
// was not read from it: application data, a part of a record, or the end. It does
// not wait, and what it finds is lost.
func (r *Records) holds(secure net.Conn, scratch []byte) bool {
	r.shut = true
	n, err := secure.Read(scratch)
	r.shut = false
	return n > 0 || r.have > 0 || !errors.Is(err, os.ErrDeadlineExceeded)
}

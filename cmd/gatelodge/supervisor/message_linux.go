package supervisor

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"
)

// message is a packet between the supervisor and its child, with a socket or without.
type message struct {
	// From the supervisor, when the child has started.
	Hello *hello `json:"hello,omitempty"`

	// From the child: a request for the sockets under this name. Each is sent in a
	// message, and a message without a socket follows.
	Take string `json:"take,omitempty"`
	// From the child, with a socket: keep it under this name.
	Keep string `json:"keep,omitempty"`
	// From the child: it serves, and sockets that it did not request are not needed.
	Serving bool `json:"serving,omitempty"`
	// From the child: it was asked to end, so no socket may be kept.
	Leaving bool `json:"leaving,omitempty"`

	socket int // noSocket: none
}

// noSocket is the descriptor of a message without a socket.
const noSocket = -1

// hello contains what a child needs to know about earlier ones.
type hello struct {
	Restarts int    `json:"restarts"`
	Family   string `json:"family"` // a name that all children of the supervisor have
}

// link is one end of the connection between the two.
type link struct{ *net.UnixConn }

// pair returns the two ends of a link; the child's is a descriptor.
func pair() (ours link, theirs int, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return link{}, 0, fmt.Errorf("connecting supervisor and child: %w", err)
	}
	if ours, err = newLink(fds[0]); err != nil {
		_ = syscall.Close(fds[1])
	}
	return ours, fds[1], err
}

// newLink returns the link with this descriptor, which it closes.
func newLink(fd int) (link, error) {
	file := os.NewFile(uintptr(fd), "supervisor")
	defer file.Close() // FileConn has a copy
	conn, err := net.FileConn(file)
	if err != nil {
		return link{}, fmt.Errorf("connecting supervisor and child: %w", err)
	}
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return link{}, fmt.Errorf("connecting supervisor and child: descriptor %d is not a Unix socket", fd)
	}
	return link{unix}, nil
}

func (l link) send(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var rights []byte
	if m.socket != noSocket {
		rights = syscall.UnixRights(m.socket)
	}
	_, _, err = l.WriteMsgUnix(text, rights, nil)
	return err
}

// receive waits for a message, whose socket belongs to the caller. It returns io.EOF
// when the other end is gone.
func (l link) receive() (message, error) {
	text, rights := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4))
	n, r, _, _, err := l.ReadMsgUnix(text, rights)
	if err != nil {
		return message{}, err
	}
	m := message{socket: noSocket}
	if r > 0 {
		if m.socket, err = parseRights(rights[:r]); err != nil {
			return message{}, err
		}
	}
	if err := json.Unmarshal(text[:n], &m); err != nil {
		return message{}, fmt.Errorf("between supervisor and child: %w", err)
	}
	return m, nil
}

func parseRights(control []byte) (fd int, err error) {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return noSocket, err
	}
	for i := range messages {
		if fds, err := syscall.ParseUnixRights(&messages[i]); err == nil && len(fds) == 1 {
			return fds[0], nil
		}
	}
	return noSocket, fmt.Errorf("between supervisor and child: not one socket in a message")
}

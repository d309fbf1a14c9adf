package gatelodge

import "syscall"

// Sockets returns the sockets of a listener: those that an earlier process left
// open for it, or else the ones that open returns, which are then kept for a later
// process. They are *net.TCPListener and *net.UDPConn, in the order in which open
// returned them. A nil Sockets keeps nothing.
type Sockets func(l Listener, open func() ([]syscall.Conn, error)) ([]syscall.Conn, error)

// Open calls s, or open directly if s is nil.
func (s Sockets) Open(l Listener, open func() ([]syscall.Conn, error)) ([]syscall.Conn, error) {
	if s == nil {
		return open()
	}
	return s(l, open)
}

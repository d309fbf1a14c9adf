package dnsserve

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canShareAddress is true: several sockets can be bound to one address.
const canShareAddress = true

// shareAddress lets several sockets be bound to one address; the kernel
// spreads the clients over them (socket(7), SO_REUSEPORT).
func shareAddress(c syscall.RawConn) error {
	return control(c, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
}

// ignorePathMTU makes the kernel ignore ICMP messages about the path MTU. Forged
// ones would have our replies fragmented, and fragments are easier to forge than
// whole packets (RFC 9715 §3.1). Replies of maxUDP octets fit today's paths.
func ignorePathMTU(socket *net.UDPConn) error {
	c, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	return control(c, func(fd int) error {
		if !isIPv4(socket) {
			// A socket for both families needs both options; on one for IPv6 alone
			// the second has no effect.
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT); err != nil {
				return err
			}
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
	})
}

// isIPv4 reports whether the socket is for IPv4 alone.
func isIPv4(socket *net.UDPConn) bool {
	return socket.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Is4()
}

// tellDestination makes a socket that is bound to all addresses report which one
// a packet was sent to.
func tellDestination(socket *net.UDPConn) error {
	if !socket.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		return nil
	}
	c, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	return control(c, func(fd int) error {
		if isIPv4(socket) {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	})
}

func control(c syscall.RawConn, f func(fd int) error) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

// leaveBySameAddress turns the control message that came with a query into the
// one for its reply, so that the reply's source is the address that was asked.
// Routing chooses the interface, except for link-local addresses, which need one.
func leaveBySameAddress(message []byte) {
	header := (*unix.Cmsghdr)(unsafe.Pointer(&message[0]))
	data := unsafe.Pointer(&message[unix.CmsgLen(0)])
	switch {
	case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_PKTINFO:
		(*unix.Inet4Pktinfo)(data).Ifindex = 0
	case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_PKTINFO:
		info := (*unix.Inet6Pktinfo)(data)
		if linkLocal := info.Addr[0] == 0xfe && info.Addr[1]&0xc0 == 0x80; !linkLocal {
			info.Ifindex = 0
		}
	}
}

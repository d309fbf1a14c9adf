package dnsserve

import (
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize = 64   // packets for each system call
	maxQuery  = 1500 // octets of a query that are read; no genuine query is longer

	// controlSize holds one packet-information message, of IPv4 or IPv6.
	controlSize = 64
)

// batch receives and sends many packets with one system call each, recvmmsg(2)
// and sendmmsg(2). The memory that the kernel reads and writes is allocated
// once and never moves.
//
// The calls never block, but with a full batch they take long enough for the Go
// scheduler to assume that they do and to hand the processor to another thread.
// So they are made without telling the scheduler, which on one core shortens the
// time for each query by a seventh.
type batch struct {
	conn syscall.RawConn

	in, out   [batchSize]mmsghdr
	inIOV     [batchSize]unix.Iovec
	outIOV    [batchSize]unix.Iovec
	addresses [batchSize]unix.RawSockaddrInet6 // big enough for IPv4 too
	controls  [batchSize][controlSize]byte
	queries   [batchSize][maxQuery]byte
	replies   [batchSize][maxUDP]byte

	replied int // of out
	sent    int // of those

	// For the functions that RawConn calls, which are allocated once.
	read, write func(fd uintptr) bool
	received    int
	errno       syscall.Errno
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

func newBatch(socket *net.UDPConn) (*batch, error) {
	conn, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batch{conn: conn}
	b.read, b.write = b.recvmmsg, b.sendmmsg
	for i := range batchSize {
		b.inIOV[i].Base = &b.queries[i][0]
		b.inIOV[i].SetLen(maxQuery)
		b.in[i].header.Iov = &b.inIOV[i]
		b.in[i].header.SetIovlen(1)
		b.in[i].header.Name = (*byte)(unsafe.Pointer(&b.addresses[i]))
		b.in[i].header.Control = &b.controls[i][0]
		b.prepare(i)
		b.out[i].header.Iov = &b.outIOV[i]
		b.out[i].header.SetIovlen(1)
	}
	return b, nil
}

// receive waits for packets and returns their number, at least one. When draining it
// does not wait, and returns 0 if there is none.
func (b *batch) receive(draining bool) (int, error) {
	for i := range b.received {
		b.prepare(i)
	}
	b.received, b.replied, b.sent = 0, 0, 0
	var err error
	if draining {
		err = b.conn.Control(func(fd uintptr) { b.recvmmsg(fd) })
	} else {
		err = b.conn.Read(b.read)
	}
	if err == nil && b.errno != 0 && b.errno != syscall.EAGAIN {
		err = b.errno
	}
	return b.received, err
}

// prepare makes a header ready for the next receive; the last one overwrote its
// lengths.
func (b *batch) prepare(i int) {
	b.in[i].header.Namelen = unix.SizeofSockaddrInet6
	b.in[i].header.SetControllen(controlSize)
}

// recvmmsg returns false if it must be called again once packets have arrived.
func (b *batch) recvmmsg(fd uintptr) bool {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		b.errno = errno
		switch errno {
		case 0:
			b.received = int(n)
			return true
		case syscall.EINTR, syscall.ECONNREFUSED: // an ICMP error in response to an earlier reply
		case syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
}

// packet returns the octets of packet i and its sender.
func (b *batch) packet(i int) (message []byte, client netip.Addr) {
	address := &b.addresses[i]
	if address.Family == unix.AF_INET {
		client = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(address)).Addr)
	} else {
		client = netip.AddrFrom16(address.Addr)
	}
	return b.queries[i][:b.in[i].length], client
}

// room returns the memory for the reply to packet i.
func (b *batch) room(i int) []byte { return b.replies[i][:0] }

// reply records the reply to packet i, which is in room(i); nil means none.
func (b *batch) reply(i int, message []byte) {
	if message == nil {
		return
	}
	b.outIOV[b.replied].Base = &message[0]
	b.outIOV[b.replied].SetLen(len(message))
	from, to := &b.in[i].header, &b.out[b.replied].header
	to.Name, to.Namelen = from.Name, from.Namelen
	to.Control, to.Controllen = from.Control, from.Controllen
	if from.Controllen == 0 {
		to.Control = nil
	} else {
		leaveBySameAddress(b.controls[i][:from.Controllen])
	}
	b.replied++
}

// send sends the replies. Replies that the system refuses to send are dropped,
// as the network may drop any packet.
func (b *batch) send() error {
	if b.replied == 0 {
		return nil
	}
	return b.conn.Write(b.write)
}

// sendmmsg returns false if it must be called again once there is room.
func (b *batch) sendmmsg(fd uintptr) bool {
	for b.sent < b.replied {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out[b.sent])), uintptr(b.replied-b.sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			b.sent += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			b.sent++ // the first of them can't be sent
		}
	}
	return true
}

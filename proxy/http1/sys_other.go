//go:build unix && !linux

package http1

import "syscall"

// readNow and writeNow are read(2) and write(2) on a descriptor that does not
// block.

func readNow(fd uintptr, p []byte) (int, error) {
	for {
		if n, err := syscall.Read(int(fd), p); err != syscall.EINTR {
			return n, err
		}
	}
}

func writeNow(fd uintptr, p []byte) (int, error) {
	for {
		if n, err := syscall.Write(int(fd), p); err != syscall.EINTR {
			return n, err
		}
	}
}

//go:build unix && !linux

package wire

import (
	"syscall"
	"time"
)

// ReadNow and WriteNow are read(2) and write(2) on a descriptor that does not
// block.

func ReadNow(fd uintptr, p []byte) (int, error) {
	for {
		if n, err := syscall.Read(int(fd), p); err != syscall.EINTR {
			return n, err
		}
	}
}

func WriteNow(fd uintptr, p []byte) (int, error) {
	for {
		if n, err := syscall.Write(int(fd), p); err != syscall.EINTR {
			return n, err
		}
	}
}

// HungUp would report whether the peer has ended its side of the connection;
// here there is no way to ask.
func HungUp(uintptr) bool { return false }

// limitSilence does nothing here.
func limitSilence(uintptr, time.Duration) {}

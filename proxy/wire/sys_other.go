//go:build unix && !linux

package wire

import (
	"syscall"
	"time"
)

// ReadNow and WriteNow are read(2) and write(2) on a non-blocking descriptor.

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

// HungUp returns false here, because there is no way to find out whether the peer has
// closed its side.
func HungUp(uintptr) bool { return false }

// limitSilence does nothing here.
func limitSilence(uintptr, time.Duration) {}

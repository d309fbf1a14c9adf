// Package proxytest is what the tests of the proxy and of its wire engines need alike.
package proxytest

import (
	"net/netip"
	"syscall"
	"testing"
)

// DeadAddress returns an address that refuses connections until the test ends.
func DeadAddress(t testing.TB) netip.AddrPort {
	t.Helper()
	// Bound and not listening: the kernel refuses connections, and gives the port to no other test meanwhile.
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := name.(*syscall.SockaddrInet4)
	return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port))
}

package undertest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
)

// WriteFile puts text into a file as an editor that saves in place does: into a
// new file that takes the old one's place.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// Folder is t.TempDir for a program with other processes of its own, which may still
// write there for a moment after it was ended.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatelodge-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		Await(t, dir+" to be removed", func() error { return os.RemoveAll(dir) })
	})
	return dir
}

// ports counts up the ports that FreeAddresses tries, from somewhere below those
// that the system gives to outgoing connections: none is given out twice, although
// it may be a while until something listens on it.
var ports atomic.Uint32

func init() { ports.Store(10000 + rand.Uint32N(15000)) }

// FreeAddresses returns n loopback addresses whose ports are free for TCP and UDP.
func FreeAddresses(t testing.TB, n int) []string {
	t.Helper()
	var addresses []string
	for len(addresses) < n {
		port := ports.Add(1)
		if port > 32000 {
			t.Fatal("no port is free for both TCP and UDP")
		}
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)) // at every address
		if err != nil {
			continue
		}
		l.Close()
		address := fmt.Sprintf("127.0.0.1:%d", port)
		u, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		u.Close()
		addresses = append(addresses, address)
	}
	return addresses
}

// RefusedPort returns a TCP port of 127.0.0.1 that refuses connections until the test
// ends: it is bound, so that no other program gets it, and nothing listens on it.
func RefusedPort(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(bound.(*syscall.SockaddrInet4).Port)
}

// FreeAddress returns one such address.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return FreeAddresses(t, 1)[0]
}

// Package undertest is what end-to-end tests need to run the program under test:
// they build it from the tree that they lie in, find ports for it, and keep what
// it prints.
package undertest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Build builds gatelodge into the folder dir and returns its path. Tests that run
// under the race detector get a program that does, too. It must run in a folder
// of the module gatelodge.dev/e2e, as its tests do.
func Build(dir string) (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "gatelodge.dev").Output()
	if err != nil {
		return "", fmt.Errorf("building gatelodge: finding its module: %w", err)
	}
	path := filepath.Join(dir, "gatelodge")
	build := exec.Command("go", append(append([]string{"build", "-o", path}, buildFlags...), "./cmd/gatelodge")...)
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building gatelodge: %w\n%s", err, out)
	}
	return path, nil
}

// Main builds gatelodge, tells its path in binary, and runs the tests of a
// package, whose TestMain exits with what it returns.
func Main(m *testing.M, binary *string) (code int) {
	dir, err := os.MkdirTemp("", "gatelodge-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if *binary, err = Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// ports counts up the ports that FreeAddresses looks at, from somewhere below
// those that the system gives to outgoing connections: none is handed out
// twice, though nobody may listen on it yet.
var ports atomic.Uint32

func init() { ports.Store(10000 + rand.Uint32N(15000)) }

// FreeAddresses returns loopback addresses whose ports nobody listens on, for
// TCP and UDP.
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

// Output collects what a process prints while others read it. The zero Output
// is empty.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the text.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is the text so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Tail returns the last n lines of the text so far.
func (o *Output) Tail(n int) string {
	lines := strings.Split(strings.TrimSpace(o.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

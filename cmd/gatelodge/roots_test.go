package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
)

// TestRootsWithoutFiles: the image, which has no file of roots, trusts public
// CAs. A process reads the roots once, so the test starts another one.
func TestRootsWithoutFiles(t *testing.T) {
	const child = "GATELODGE_TEST_ROOTS"
	if os.Getenv(child) != "" {
		pool, err := x509.SystemCertPool()
		if err != nil || pool.Equal(x509.NewCertPool()) {
			t.Fatalf("no roots: %v", err)
		}
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^TestRootsWithoutFiles$")
	command.Env = append(os.Environ(), child+"=1", "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent")
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

//go:build debian

package dns_test

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"gatelodge.dev/e2e/namespace"
	"gatelodge.dev/e2e/undertest"
)

// The addresses of the namespace: a range for tests of network devices (RFC
// 2544 appendix C.2.2).
var (
	local          = netip.MustParsePrefix("198.18.0.1/16")
	parentAddress  = netip.MustParseAddr("198.18.0.10")
	unboundAddress = netip.MustParseAddr("198.18.0.20")
	tcpAddress     = netip.MustParseAddr("198.18.0.21")
	bindAddress    = local.Addr() // BIND listens only on what the interface lists
	gatewayAddress = netip.MustParseAddr("198.18.0.53")
)

// binary names the variable that tells where the gatelodge program is.
const binary = "GATELODGE_E2E_BINARY"

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "gatelodge-dns-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		return namespace.Main(m, local, func() error {
			path, err := undertest.Build(dir)
			if err != nil {
				return err
			}
			return os.Setenv(binary, path)
		})
	}())
}

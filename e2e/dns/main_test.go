//go:build debian

package dns_test

import (
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

func TestMain(m *testing.M) {
	os.Exit(undertest.Main(func() int {
		return namespace.Main(m, local, func() error { return nil })
	}))
}

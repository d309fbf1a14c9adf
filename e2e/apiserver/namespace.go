package apiserver

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"testing"

	"gatelodge.dev/e2e/namespace"
	"gatelodge.dev/e2e/programs"
)

// Main runs a package's tests in a fresh network namespace (see
// namespace.Main) and returns the exit code for os.Exit. It builds the
// cluster's programs before. A TestMain runs once outside and once inside: what
// else needs the network belongs before its call of Main.
func Main(m *testing.M) int {
	return namespace.Main(m, netip.PrefixFrom(serverAddress, network.Bits()), func() error {
		for _, name := range []string{"etcd", "kube-apiserver"} {
			if _, err := programs.Build(context.Background(), os.Stderr, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// network has the addresses that are local in the namespace. The range is set
// aside for tests of network devices (RFC 2544 appendix C.2.2); the API server
// refuses 127.0.0.0/8 in an EndpointSlice.
var network = netip.MustParsePrefix("198.18.0.0/16")

// serverAddress is where the API server listens.
var serverAddress = netip.MustParseAddr("198.18.0.1")

// Address returns the i-th address, for i from 0 to 65,000, that a test may
// listen on and write into EndpointSlices and Services. All of them lead to this
// namespace.
func Address(i int) netip.Addr {
	if i < 0 || i > 65000 {
		panic(fmt.Sprintf("apiserver: there is no address %d", i))
	}
	first := serverAddress.As4()
	n := 256 + i // leaves 198.18.0.0/24 to the cluster
	return netip.AddrFrom4([4]byte{first[0], first[1], byte(n >> 8), byte(n)})
}

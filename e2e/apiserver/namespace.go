package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"gatelodge.dev/e2e/programs"
)

// inside tells a test binary that it has been started again in the namespace.
const inside = "GATELODGE_E2E_NAMESPACE"

const needs = "a network namespace of our own is needed: run as root, or where the kernel lets users make one " +
	"(sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces and user.max_net_namespaces above 0, " +
	"kernel.apparmor_restrict_unprivileged_userns=0; in a container also its seccomp profile)"

// Main runs a package's tests in a fresh network namespace and returns the exit
// code for os.Exit. It builds the cluster's programs before, because no network
// leads out of there. As root it needs CAP_SYS_ADMIN; anybody else becomes root
// of a user namespace, and only in there. A TestMain runs once outside and once
// inside: what else needs the network belongs before its call of Main.
func Main(m *testing.M) int {
	code, err := 0, error(nil)
	if os.Getenv(inside) == "" {
		code, err = reenter()
	} else if err = setUpNetwork(); err == nil {
		code = m.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		return 1
	}
	return code
}

// reenter builds what the namespace needs, starts this binary again in it, and
// returns its exit code.
func reenter() (int, error) {
	for _, name := range []string{"etcd", "kube-apiserver"} {
		if _, err := programs.Build(context.Background(), os.Stderr, name); err != nil {
			return 0, err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	// Pdeathsig is sent when the thread ends that started the child, not the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var refused []error
	for _, attributes := range waysIn() {
		child := exec.Command(self, os.Args[1:]...)
		child.Env = append(os.Environ(), inside+"=1")
		child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
		child.SysProcAttr = attributes
		if err := child.Start(); err != nil {
			refused = append(refused, err)
			continue
		}
		err := child.Wait()
		if code := child.ProcessState.ExitCode(); code >= 0 {
			return code, nil
		}
		return 0, err // ended by a signal
	}
	return 0, fmt.Errorf("%s; the kernel said:\n%w", needs, errors.Join(refused...))
}

// waysIn lists how to get into a new network namespace, the plainest first. Root
// of a container may lack the right to the plain one and have the other.
func waysIn() []*syscall.SysProcAttr {
	asUser := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if os.Getuid() != 0 {
		return []*syscall.SysProcAttr{asUser}
	}
	asRoot := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	return []*syscall.SysProcAttr{asRoot, asUser}
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

// setUpNetwork brings up the loopback interface, which is all there is. An
// address there makes its whole prefix local, unlike on other interfaces.
func setUpNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing up lo: %w (%s)", err, needs)
	}
	address, err := netlink.ParseAddr(netip.PrefixFrom(serverAddress, network.Bits()).String())
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(lo, address); err != nil {
		return fmt.Errorf("adding %s to lo: %w", address, err)
	}
	return nil
}

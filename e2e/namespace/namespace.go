// Package namespace runs the tests of a package in a network namespace of their
// own, in which they may listen on every port and can reach no other machine. It
// runs on Linux only.
package namespace

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
)

// inside is set for a test binary that was started again in the namespace.
const inside = "GATELODGE_E2E_NAMESPACE"

const needs = "these tests need a network namespace of their own: run them as root, or where the kernel lets users make one " +
	"(sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces and user.max_net_namespaces above 0, " +
	"kernel.apparmor_restrict_unprivileged_userns=0; in a container also its seccomp profile)"

// Main runs a package's tests in a fresh network namespace, in which all
// addresses of local's network are local, and returns the exit code for
// os.Exit. prepare runs before that, outside, for what needs the network. As root
// Main needs CAP_SYS_ADMIN; other users become root of a user namespace.
func Main(m *testing.M, local netip.Prefix, prepare func() error) int {
	code, err := 0, error(nil)
	if !Inside() {
		if err = prepare(); err == nil {
			code, err = reenter(waysIn(), needs)
		}
	} else if err = setUpNetwork(local); err == nil {
		code = m.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "namespace:", err)
		return 1
	}
	return code
}

// Inside reports whether this process is in the namespace of a Main.
func Inside() bool { return os.Getenv(inside) != "" }

// reenter starts this binary again in the namespace, and returns its exit code.
func reenter(ways []*syscall.SysProcAttr, needs string) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	// Pdeathsig is sent when the thread that started the child ends, not the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Ctrl-C is for the child, which is in the same group; its end is ours.
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	var refused []error
	for _, attributes := range ways {
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
	return 0, fmt.Errorf("%s; the kernel says:\n%w", needs, errors.Join(refused...))
}

// waysIn lists how to get into a new network namespace, the simplest first. Root in
// a container may have the right to the second one only.
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

// setUpNetwork brings up the loopback interface, which is all there is. An
// address there makes its whole prefix local, unlike on other interfaces.
func setUpNetwork(local netip.Prefix) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing up lo: %w (%s)", err, needs)
	}
	address, err := netlink.ParseAddr(local.String())
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(lo, address); err != nil {
		return fmt.Errorf("adding %s to lo: %w", address, err)
	}
	return nil
}

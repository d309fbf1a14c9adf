package namespace

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

const needsMachine = "network, mount and PID namespaces of our own are needed, with rights that containers run with: " +
	"run as root, in a container with CAP_SYS_ADMIN, CAP_NET_ADMIN and the cgroup file system writable"

// Machine runs a package's tests in fresh network, mount and PID namespaces, as
// if on a machine of their own: with an empty /run and /var/log, with no network
// but what run makes before it calls the tests, and with every process, mount
// and interface gone when they end. prepare runs before, outside, for what needs
// the network. Machine needs root, and returns the exit code for os.Exit.
func Machine(prepare func() error, run func() (int, error)) int {
	code, err := 0, error(nil)
	if !Inside() {
		if err = prepare(); err == nil {
			code, err = reenter([]*syscall.SysProcAttr{{
				Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
				Pdeathsig:  syscall.SIGKILL,
			}}, needsMachine)
		}
	} else if err = setUpMounts(); err == nil {
		code, err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "namespace:", err)
		return 1
	}
	return code
}

// setUpMounts keeps to this namespace what is mounted from now on, and hides
// what other processes of the machine left.
func setUpMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts to ourselves: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, dir := range []string{"/run", "/var/log"} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("mounting %s: %w", dir, err)
		}
	}
	return nil
}

// Enter moves the calling thread, which must be locked to its goroutine, into
// the network namespace of a file, such as /run/netns/NAME. It does nothing for
// an empty path.
func Enter(path string) error {
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network namespace %s: %w", path, err)
	}
	return nil
}

// Do calls a function in the network namespace of a file. The sockets that it
// opens stay there, if it opens them itself and not in another goroutine.
func Do(path string, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with this goroutine
		err := Enter(path)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

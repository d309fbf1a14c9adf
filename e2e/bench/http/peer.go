package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The cores of the proxy, and of everything else.
const (
	proxyCore = "0"
	loadCore  = "1"
)

// command is how a peer is started.
func (b *bench) command(peer string) ([]string, error) {
	switch peer {
	case "nginx":
		return []string{"nginx", "-c", filepath.Join(b.dir, "nginx.conf")}, nil
	case "haproxy":
		return []string{"haproxy", "-f", filepath.Join(b.dir, "haproxy.cfg")}, nil
	case "gatelodge":
		return []string{
			filepath.Join(b.dir, "gatelodge"), "serve",
			"--config", filepath.Join(b.dir, "gatelodge.yaml"), "--manifests", filepath.Join(b.dir, "manifests"),
			"--http", b.http.String(), "--https", b.https.String(), "--dns", b.dns.String(), "--admin", b.admin.String(),
		}, nil
	}
	return nil, fmt.Errorf("%q is not a peer; write nginx, haproxy or gatelodge", peer)
}

// start starts a program on a core. Its output goes to a file of its name.
func (b *bench) start(ctx context.Context, core, name string, command ...string) (*exec.Cmd, error) {
	output, err := os.Create(filepath.Join(b.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer output.Close()
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", core}, command...)...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return cmd, cmd.Start()
}

// end stops a program in order, and waits until it has ended.
func end(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // fails only if it has ended
	late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait() // how it ended does not matter any more
}

// accepts waits until connections are accepted at all of these addresses.
func accepts(ctx context.Context, addresses ...netip.AddrPort) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for _, a := range addresses {
		for {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", a.String())
			if err == nil {
				c.Close()
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("connections are not accepted: %w", err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}

// processes are a program's and those that it started: nginx's worker.
func processes(parent int) ([]int, error) {
	ids := []int{parent}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		return nil, err
	}
	for _, path := range tasks {
		children, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, word := range strings.Fields(string(children)) {
			id, err := strconv.Atoi(word)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// tick is the unit of times in /proc: USER_HZ is 100 on every architecture
// that Go knows.
const tick = 10 * time.Millisecond

// cpu returns the CPU time that a program has used, in user space and kernel.
func cpu(parent int) (time.Duration, error) {
	return sum(parent, "stat", func(content string) (time.Duration, error) {
		fields := strings.Fields(content[strings.LastIndexByte(content, ')')+1:])
		if len(fields) < 13 {
			return 0, errors.New("no times")
		}
		user, err := strconv.Atoi(fields[11])
		if err != nil {
			return 0, err
		}
		system, err := strconv.Atoi(fields[12])
		return time.Duration(user+system) * tick, err
	})
}

// resident returns the bytes of memory that a program has.
func resident(parent int) (int, error) {
	return sum(parent, "status", func(content string) (int, error) {
		_, rest, found := strings.Cut(content, "VmRSS:")
		if !found {
			return 0, errors.New("no VmRSS")
		}
		kib, err := strconv.Atoi(strings.Fields(rest)[0])
		return kib << 10, err
	})
}

// sum adds up what a file in /proc says of each process of a program.
func sum[T int | time.Duration](parent int, file string, read func(string) (T, error)) (T, error) {
	var total T
	ids, err := processes(parent)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		path := fmt.Sprintf("/proc/%d/%s", id, file)
		content, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		value, err := read(string(content))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		total += value
	}
	return total, nil
}

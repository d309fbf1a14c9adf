package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/programs"
)

// server is one of the compared servers, running.
type server struct {
	address string
	command *exec.Cmd
}

// start starts a peer on the given cores, with as many threads of Go, and waits
// until it answers from the zone.
func start(ctx context.Context, peer, dir, cores string, threads int, o options) (*server, error) {
	var address string
	var args []string
	switch peer {
	case "knot":
		address, args = "127.0.0.1:5302", []string{"knotd", "-c", filepath.Join(dir, "knot.conf")}
	case "secondary":
		address, args = "127.0.0.1:5303", []string{"knotd", "-c", filepath.Join(dir, "secondary.conf")}
	case "coredns":
		path, err := programs.Build(ctx, os.Stderr, "coredns")
		if err != nil {
			return nil, err
		}
		address, args = "127.0.0.1:5305", []string{path, "-conf", filepath.Join(dir, "Corefile")}
	case "gatelodge":
		address, args = "127.0.0.1:5306", []string{o.gatelodge, "serve", "--config", filepath.Join(dir, "gateway.yaml"),
			"--manifests", filepath.Join(dir, "manifests"), "--http", "127.0.0.1:0", "--https", "127.0.0.1:0",
			"--dns", "127.0.0.1:5306", "--admin", "127.0.0.1:0", "--log-level", "error"}
	default:
		return nil, fmt.Errorf("no peer %q, expected knot, coredns or gatelodge", peer)
	}
	s := &server{address: address, command: exec.CommandContext(ctx, "taskset", append([]string{"-c", cores}, args...)...)}
	s.command.Env = append(os.Environ(), fmt.Sprint("GOMAXPROCS=", threads))
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	query := new(dns.Msg).SetQuestion("ns1.pke.example.com.", dns.TypeA)
	for deadline := time.Now().Add(time.Minute); ; {
		reply, err := dns.Exchange(query, address)
		if err == nil && len(reply.Answer) > 0 {
			return s, nil
		}
		if time.Now().After(deadline) {
			s.stop()
			return nil, fmt.Errorf("%s does not answer: %w", peer, errors.Join(err))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *server) stop() {
	s.command.Process.Kill()
	s.command.Wait() // it was killed
}

// cpu returns the CPU time that the server has taken, in a hundredth of a
// second as the kernel counts it (proc(5), utime and stime).
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat: %q", text)
	}
	user, userErr := strconv.Atoi(fields[11])
	system, systemErr := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(userErr, systemErr)
}

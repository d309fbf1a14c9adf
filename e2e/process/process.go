// Package process runs other servers beside Gatelodge in end-to-end tests. The
// kernel ends them if the tests are killed. It runs on Linux only.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatelodge.dev/e2e/namespace"
)

// A Process is a server, which a test may stop and start again. Its methods are
// for one goroutine at a time.
type Process struct {
	Name string
	Path string   // of the program
	Args []string // the same at each start
	Env  []string // in addition to what this process has
	Log  string   // file that output is appended to
	// Network is the file of the network namespace to run in; empty for the
	// caller's own.
	Network string

	cmd *exec.Cmd
	// ended is closed when the program has ended; nil when none is meant to run.
	ended chan struct{}
}

// Start starts the program, and does not wait until it serves. The test fails if it
// is running already.
func (p *Process) Start(t testing.TB) {
	t.Helper()
	if err := p.Launch(); err != nil {
		t.Fatal(err)
	}
}

// Run is Start, and ends the program with the test, which fails if it has ended by
// itself before.
func (p *Process) Run(t testing.TB) {
	t.Helper()
	p.Start(t)
	t.Cleanup(func() {
		if err := p.Crashed(); err != nil {
			t.Error(err)
		}
		p.Stop()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", p.Name, p.Tail())
		}
	})
}

// Launch is Start where there is no test, as in a TestMain.
func (p *Process) Launch() error {
	if err := p.start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.Name, err)
	}
	return nil
}

// ID returns the process's number in the system, once it has been started.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// Stop ends the program at once (SIGKILL), as a crash would: clients see their
// connections break. Processes that the program has started end with it, and hold no
// port and write no file any more. Stop does nothing to a program that was stopped
// before.
func (p *Process) Stop() {
	if p.ended == nil {
		return
	}
	_ = syscall.Kill(-p.ID(), syscall.SIGKILL) // fails only if all have ended by themselves, which is fine
	<-p.ended
	p.ended = nil
	for deadline := time.Now().Add(time.Minute); running(p.ID()) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // between two looks, while the system ends them
	}
}

// running reports whether a process of the group runs. One that has ended and that its
// parent has not asked for is not running.
func running(group int) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var state string
		var parent, its int
		rest := stat[bytes.LastIndexByte(stat, ')')+1:] // behind the name, see proc_pid_stat(5)
		if n, _ := fmt.Sscan(string(rest), &state, &parent, &its); n == 3 && its == group && state != "Z" && state != "X" {
			return true
		}
	}
	return false
}

func (p *Process) start() error {
	if p.ended != nil {
		return errors.New("it is running already")
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env = append(os.Environ(), p.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// Pdeathsig is sent when the thread that started the child ends, so this
		// one stays for as long as the child.
		runtime.LockOSThread()
		if p.Network == "" {
			defer runtime.UnlockOSThread()
		} // else the thread ends too, as nothing else may run in that namespace
		err := namespace.Enter(p.Network)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // the state is kept in cmd
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	p.cmd, p.ended = cmd, ended
	return nil
}

// Crashed returns an error if the program has ended although it was not stopped.
func (p *Process) Crashed() error {
	select {
	case <-p.ended: // never, if it was stopped
		return fmt.Errorf("%s has ended by itself: %v\n%s", p.Name, p.cmd.ProcessState, p.Tail())
	default:
		return nil
	}
}

// Tail returns the end of the log.
func (p *Process) Tail() string {
	const most = 30
	content, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

package apiserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A Process is a server of the cluster, which a test may stop and start again.
// Its methods are for one goroutine at a time.
type Process struct {
	name string
	path string   // of the program
	args []string // the same at each start
	log  string   // file that output is appended to
	cmd  *exec.Cmd
	// ended is closed when the running program has ended; nil when none is
	// meant to run.
	ended chan struct{}
}

// Start starts the program; Cluster.WaitReady waits until it serves. Starting one
// that runs fails the test.
func (p *Process) Start(t testing.TB) {
	t.Helper()
	if err := p.start(); err != nil {
		t.Fatalf("starting %s: %v", p.name, err)
	}
}

// Stop ends the program at once (SIGKILL), as a crash would: clients see their
// connections break. It does nothing to one that was stopped.
func (p *Process) Stop() {
	if p.ended == nil {
		return
	}
	p.cmd.Process.Kill() // fails only if it has ended by itself, which is as good
	<-p.ended
	p.ended = nil
}

func (p *Process) start() error {
	if p.ended != nil {
		return errors.New("it was started before")
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// Pdeathsig is sent when the thread ends that started the child, so
		// this one stays for as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
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

// crashed returns an error if the program has ended though nobody stopped it.
func (p *Process) crashed() error {
	select {
	case <-p.ended: // never, if it was stopped
		return fmt.Errorf("%s has ended by itself: %v", p.name, p.cmd.ProcessState)
	default:
		return nil
	}
}

// tail returns the end of the log.
func (p *Process) tail() string {
	const most = 30
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

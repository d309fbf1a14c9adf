package supervisor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

// supervisor is the process that starts the gateway and keeps its sockets.
type supervisor struct {
	log    *slog.Logger
	family string

	mu       sync.Mutex // guards what follows
	kept     map[string]*sockets
	child    *os.Process // nil: none runs
	served   time.Time   // since when it serves; zero: not yet
	died     time.Time   // since when none serves; zero: one does, or none has yet
	restarts int
	expiry   *time.Timer
	stopping bool
	stop     context.CancelFunc // ends a pause
}

// sockets are the sockets under a name.
type sockets struct {
	fds   []int
	taken bool // requested or opened by the running child
}

// Run runs this program as a child, with the same command line, until it is asked to
// end, the child exits successfully, or children die repeatedly. It passes on SIGQUIT
// and the signals that end a process, and reaps orphans as the init process of a
// container must. It returns the exit code of the last child, or 128 plus the signal
// that killed it.
func Run(log *slog.Logger) (code int, err error) {
	s := &supervisor{log: log, family: rand.Text()[:8], kept: make(map[string]*sockets)}
	pausing, stop := context.WithCancel(context.Background())
	defer stop()
	s.stop = stop

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	go func() {
		for sig := range signals {
			s.pass(sig)
		}
	}()

	var status syscall.WaitStatus // of the last child
	for quick := 0; ; {
		pid, done, err := s.start()
		if err != nil || pid == 0 {
			return exitCode(status), err
		}
		debug.FreeOSMemory() // little of the memory is needed again
		if status, err = await(pid); err != nil {
			return 0, err
		}
		<-done // its last messages are read
		lived, next := s.ended()
		if !next || status.ExitStatus() == 0 {
			return exitCode(status), nil
		}
		if lived >= settled {
			quick = 0
		}
		if quick++; quick > most {
			s.log.Error("the gateway's process dies repeatedly, so the supervisor exits too", "cause", cause(status))
			return exitCode(status), nil
		}
		s.log.Error("the gateway's process died and is restarted; its sockets stay open", "cause", cause(status), "served", lived.Round(time.Millisecond), "restarts", s.restarts)
		if quick > 1 {
			select {
			case <-time.After(firstPause << (quick - 2)):
			case <-pausing.Done():
			}
		}
	}
}

// start starts a child, unless the supervisor was asked to end; then pid is 0. done is
// closed when all messages of the child have been read.
func (s *supervisor) start() (pid int, done <-chan struct{}, err error) {
	ours, end, err := pair()
	if err != nil {
		return 0, nil, err
	}
	theirs := os.NewFile(uintptr(end), "child")
	defer theirs.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return 0, nil, ours.Close()
	}
	if err := s.greet(ours); err != nil {
		return 0, nil, err
	}
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr, theirs}
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{ // the same program even if its file was replaced
		Env:   append(os.Environ(), fmt.Sprintf("%s=%d", variable, len(files)-1)),
		Files: files,
		// In its own process group, the child gets a terminal's Ctrl-C once, through
		// the supervisor.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		ours.Close()
		return 0, nil, fmt.Errorf("starting the child: %w", err)
	}
	s.child = child
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		defer ours.Close()
		if err := s.hear(ours); err != nil {
			s.log.Error("the supervisor can't read a message of its child", "error", err)
		}
	}()
	return child.Pid, heard, nil
}

func (s *supervisor) greet(child link) error {
	return child.send(message{Hello: &hello{Restarts: s.restarts, Family: s.family}, socket: noSocket})
}

// hear answers the messages of a child until it has ended.
func (s *supervisor) hear(from link) error {
	for {
		m, err := from.receive()
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
				return nil
			}
			return err
		}
		switch {
		case m.Take != "":
			err = s.give(from, m.Take)
		case m.Keep != "" && m.socket != noSocket:
			s.keep(m.Keep, m.socket)
		case m.Serving:
			s.serving()
		case m.Leaving:
			s.leave()
		}
		if err != nil && !errors.Is(err, syscall.EPIPE) { // EPIPE: the child died meanwhile
			return err
		}
	}
}

// give sends a child the sockets of a name.
func (s *supervisor) give(to link, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set := s.kept[name]; set != nil {
		set.taken = true
		for _, fd := range set.fds {
			if err := to.send(message{socket: fd}); err != nil {
				return err
			}
		}
	}
	return to.send(message{socket: noSocket})
}

func (s *supervisor) keep(name string, fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		_ = syscall.Close(fd) // the child has its copy
		return
	}
	if s.kept[name] == nil {
		s.kept[name] = &sockets{taken: true}
	}
	s.kept[name].fds = append(s.kept[name].fds, fd)
}

func (s *supervisor) serving() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served = time.Now()
	if !s.died.IsZero() {
		s.expiry.Stop()
		s.log.Info("the gateway serves again", "after", s.served.Sub(s.died).Round(time.Millisecond), "restarts", s.restarts)
		s.died = time.Time{}
	}
	s.closeUntaken()
}

// leave lets the child end without a successor. Connections that it still accepts until
// it closes its sockets are served; after that clients are refused.
func (s *supervisor) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	for _, set := range s.kept {
		set.taken = false
	}
	s.closeUntaken()
	s.stop()
}

// closeUntaken closes the sockets that the child did not request. The caller holds mu.
func (s *supervisor) closeUntaken() {
	for name, set := range s.kept {
		if set.taken {
			continue
		}
		for _, fd := range set.fds {
			_ = syscall.Close(fd)
		}
		delete(s.kept, name)
	}
}

// expire closes sockets that no process has served for too long.
func (s *supervisor) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.died.IsZero() {
		return // it serves again
	}
	s.log.Error("the gateway does not serve after its restart, so clients are refused from now on", "after", longest)
	s.closeUntaken()
}

// ended records that the child has ended. It returns how long the child served, and
// whether to start another.
func (s *supervisor) ended() (lived time.Duration, next bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.child.Release()
	s.child = nil
	if !s.served.IsZero() {
		lived = time.Since(s.served)
		s.died = time.Now()
		s.expiry = time.AfterFunc(longest, s.expire)
		s.served = time.Time{}
	}
	for _, set := range s.kept {
		set.taken = false
	}
	if s.died.IsZero() || s.stopping {
		return lived, false // none has ever served: report the fault at once
	}
	s.restarts++
	return lived, true
}

// pass passes on a signal. All except SIGQUIT, with which the Go runtime prints the
// stacks of a hanging process, mean that no further child is started.
func (s *supervisor) pass(sig os.Signal) {
	if sig != syscall.SIGQUIT {
		s.leave()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil {
		_ = s.child.Signal(sig) // it may have ended
	}
}

// await returns how the child ended, and reaps the orphans that this process gets as
// the init process of a container.
func await(child int) (syscall.WaitStatus, error) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, fmt.Errorf("waiting for the child: %w", err)
		case pid == child:
			return status, nil
		}
	}
}

// exitCode returns the exit code as a shell reports it.
func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func cause(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

package supervisor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// variable is the environment variable with the descriptor of a child's link.
const variable = "GATELODGE_SUPERVISOR"

// Child is a process that a supervisor started, and its link to it. A nil Child is
// any other process. Its methods are for one goroutine.
type Child struct {
	link     link
	hello    hello
	answers  chan message
	orphaned chan struct{}
}

// Connect returns the Child for this process; nil: no supervisor started it. Call it
// once.
func Connect() (*Child, error) {
	value, ok := os.LookupEnv(variable)
	if !ok {
		return nil, nil
	}
	os.Unsetenv(variable) // processes that this one starts must not have it
	fd, err := strconv.Atoi(value)
	if err != nil {
		return nil, fmt.Errorf("%s is set by the supervisor only: %w", variable, err)
	}
	syscall.CloseOnExec(fd)
	l, err := newLink(fd)
	if err != nil {
		return nil, err
	}
	first, err := l.receive()
	if err != nil {
		return nil, fmt.Errorf("waiting for the supervisor's hello: %w", err)
	}
	if first.Hello == nil {
		return nil, errors.New("the supervisor did not say hello first")
	}
	c := &Child{link: l, hello: *first.Hello, answers: make(chan message), orphaned: make(chan struct{})}
	go func() {
		defer close(c.orphaned)
		for {
			m, err := l.receive()
			if err != nil {
				return
			}
			c.answers <- m
		}
	}()
	return c, nil
}

// Restarts returns how many children of the supervisor died before this one.
func (c *Child) Restarts() int {
	if c == nil {
		return 0
	}
	return c.hello.Restarts
}

// Family returns a name that all children of a supervisor share, and no other process;
// "": there is no supervisor. Only one of them runs at a time.
func (c *Child) Family() string {
	if c == nil {
		return ""
	}
	return c.hello.Family
}

// Orphaned returns a channel that is closed when the supervisor has ended, nil if there
// is none.
func (c *Child) Orphaned() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.orphaned
}

// Sockets returns the sockets that are kept under a name. If there are none, it returns
// those that open opens, and gives copies to the supervisor. They are listeners and
// packet connections of package net.
func (c *Child) Sockets(name string, open func() ([]syscall.Conn, error)) ([]syscall.Conn, error) {
	if c == nil {
		return open()
	}
	sockets, err := c.take(name)
	if err != nil || len(sockets) > 0 {
		return sockets, err
	}
	if sockets, err = open(); err != nil {
		return nil, err
	}
	for _, socket := range sockets {
		if err := c.keep(name, socket); err != nil {
			return nil, fmt.Errorf("handing %q to the supervisor: %w", name, err)
		}
	}
	return sockets, nil
}

func (c *Child) take(name string) (sockets []syscall.Conn, err error) {
	if err := c.link.send(message{Take: name, socket: noSocket}); err != nil {
		return nil, fmt.Errorf("asking the supervisor for %q: %w", name, err)
	}
	for {
		var m message
		select {
		case m = <-c.answers:
		case <-c.orphaned:
			return nil, fmt.Errorf("asking the supervisor for %q: it has ended", name)
		}
		if m.socket == noSocket {
			return sockets, err
		}
		socket, failed := restore(m.socket)
		if failed != nil {
			err = fmt.Errorf("a kept socket of %q: %w", name, failed)
			continue
		}
		sockets = append(sockets, socket)
	}
}

// restore converts a descriptor to what it was in the process that opened it.
// Connections of a restored listener cost four more system calls, because package net
// sets keep-alive on each, whatever the options of the listener were.
func restore(fd int) (syscall.Conn, error) {
	file := os.NewFile(uintptr(fd), "kept")
	defer file.Close() // the socket is a copy
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil {
		return nil, err
	}
	var socket any
	if kind == syscall.SOCK_STREAM {
		socket, err = net.FileListener(file)
	} else {
		socket, err = net.FilePacketConn(file)
	}
	if err != nil {
		return nil, err
	}
	return socket.(syscall.Conn), nil
}

func (c *Child) keep(name string, socket syscall.Conn) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = c.link.send(message{Keep: name, socket: int(fd)}) }); err != nil {
		return err
	}
	return sent
}

// Serving tells the supervisor that this process serves on all its sockets. Kept
// sockets that it did not request are closed.
func (c *Child) Serving() error { return c.tell(message{Serving: true}) }

// Leaving tells the supervisor that this process closes its sockets and will end,
// so that it closes its copies of them and starts no other.
func (c *Child) Leaving() error { return c.tell(message{Leaving: true}) }

func (c *Child) tell(m message) error {
	if c == nil {
		return nil
	}
	m.socket = noSocket
	if err := c.link.send(m); err != nil {
		return fmt.Errorf("telling the supervisor: %w", err)
	}
	return nil
}

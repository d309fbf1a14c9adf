package dnsserve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// udpReadBuffer is the size of each socket's receive buffer, if the system allows
// it: some thousand queries wait while a worker is busy.
const udpReadBuffer = 4 << 20

// udpServer answers on UDP sockets that share one address, each with a worker of
// its own. Where the system can't share an address there is one socket.
type udpServer struct {
	sockets   []*net.UDPConn
	responder func() *responder
	draining  atomic.Bool
}

// bindUDP returns sockets that are bound to address, host:port, one for each
// processor.
func bindUDP(address string) (sockets []*net.UDPConn, err error) {
	defer func() {
		if err != nil {
			closeAll(sockets)
		}
	}()
	workers := 1
	config := net.ListenConfig{}
	if canShareAddress {
		workers = runtime.GOMAXPROCS(0)
		config.Control = func(_, _ string, c syscall.RawConn) error { return shareAddress(c) }
	}
	for range workers {
		c, err := config.ListenPacket(context.Background(), "udp", address)
		if err != nil {
			return sockets, err
		}
		socket := c.(*net.UDPConn)
		sockets = append(sockets, socket)
		_ = socket.SetReadBuffer(udpReadBuffer) // as much as the system allows
		if err := errors.Join(ignorePathMTU(socket), tellDestination(socket)); err != nil {
			return sockets, fmt.Errorf("UDP %s: %w", address, err)
		}
	}
	return sockets, nil
}

// serve answers until the sockets are closed, or drain has been called and
// they are empty.
func (s *udpServer) serve() error {
	defer s.close()
	var workers sync.WaitGroup
	errs := make([]error, len(s.sockets))
	for i, socket := range s.sockets {
		workers.Go(func() {
			if errs[i] = s.work(socket); errs[i] != nil {
				s.close() // so that the other workers end too
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// work answers on one socket: it receives the packets that have arrived, answers
// each and sends the replies, without allocating memory.
func (s *udpServer) work(socket *net.UDPConn) error {
	b, err := newBatch(socket)
	if err != nil {
		return err
	}
	r := s.responder()
	var end time.Time // of draining, in case clients never stop asking
	for {
		draining := s.draining.Load()
		if draining && end.IsZero() {
			end = time.Now().Add(drainTime)
		} else if draining && time.Now().After(end) {
			return nil
		}
		n, err := b.receive(draining)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded): // set by drain
			continue
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("UDP %s: %w", socket.LocalAddr(), err)
		case n == 0: // drained
			return nil
		}
		r.answerBatch(b, n, time.Now())
		if err := b.send(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("UDP %s: %w", socket.LocalAddr(), err)
		}
	}
}

// answerBatch makes the replies to the first n packets of b, which arrived
// now.
func (s *responder) answerBatch(b *batch, n int, now time.Time) {
	for i := range n {
		message, client := b.packet(i)
		b.reply(i, s.respond(b.room(i), message, client, overUDP, now))
	}
	s.observe(time.Since(now))
}

// drain makes serve end once every query that has arrived is answered.
func (s *udpServer) drain() {
	s.draining.Store(true)
	for _, c := range s.sockets {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes the worker
	}
}

func (s *udpServer) close() { closeAll(s.sockets) }

func closeAll(sockets []*net.UDPConn) {
	for _, c := range sockets {
		c.Close()
	}
}

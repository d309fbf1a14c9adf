//go:build !linux

package dnsserve

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// canShareAddress is false: one socket serves an address here, and the system
// chooses the source address of a reply.
const canShareAddress = false

func shareAddress(syscall.RawConn) error { return errors.ErrUnsupported }

func ignorePathMTU(*net.UDPConn) error { return nil }

func tellDestination(*net.UDPConn) error { return nil }

// drainWait is how long no packet must arrive for a socket to count as empty.
const drainWait = 10 * time.Millisecond

// batch is one packet at a time, for systems other than Linux.
type batch struct {
	socket *net.UDPConn
	client netip.AddrPort
	length int
	answer []byte
	query  [65535]byte
	space  [maxUDP]byte
}

func newBatch(socket *net.UDPConn) (*batch, error) { return &batch{socket: socket}, nil }

// receive waits for a packet. When draining it returns 0 if there is none.
func (b *batch) receive(draining bool) (n int, err error) {
	if draining {
		_ = b.socket.SetReadDeadline(time.Now().Add(drainWait))
	}
	b.length, b.client, err = b.socket.ReadFromUDPAddrPort(b.query[:])
	if draining && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, nil
	}
	return 1, err
}

// packet returns the octets of the packet and its sender.
func (b *batch) packet(int) (message []byte, client netip.Addr) {
	return b.query[:b.length], b.client.Addr()
}

// room returns the memory for the reply.
func (b *batch) room(int) []byte { return b.space[:0] }

// reply records the reply; nil means none.
func (b *batch) reply(_ int, message []byte) { b.answer = message }

// send sends the reply. A reply that the system refuses to send is dropped, as
// the network may drop any packet.
func (b *batch) send() error {
	if b.answer == nil {
		return nil
	}
	if _, err := b.socket.WriteToUDPAddrPort(b.answer, b.client); errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

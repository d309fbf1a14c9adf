package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// announced reads the PROXY protocol header of a trusted peer at the start of the
// connection, and returns the client in it. It waits as long as for a request's head,
// and reads nothing after the header.
func (l *listener) announced(c net.Conn, peer netip.AddrPort) (netip.AddrPort, error) {
	if timeout := l.server.settings().Timeouts.Header; timeout > 0 {
		if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
			return peer, err
		}
	}
	client, err := readProxyHeader(c, peer)
	if err != nil {
		return peer, err
	}
	return client, c.SetReadDeadline(time.Time{})
}

var errNoProxyHeader = errors.New("no PROXY protocol header, which peers in trust.proxyProtocol have to send")

const proxySignature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2

// readProxyHeader reads a header of the PROXY protocol, version 1 or 2, and
// nothing after it. It returns peer if the header has no client: for the peer's
// own health checks, and for protocols other than TCP over IP.
//
// See https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.
func readProxyHeader(r io.Reader, peer netip.AddrPort) (netip.AddrPort, error) {
	var b [maxProxyLine]byte
	start := b[:len(proxySignature)] // the shortest header is three bytes longer
	if _, err := io.ReadFull(r, start); err != nil {
		return peer, fmt.Errorf("PROXY protocol header: %w", err)
	}
	switch {
	case string(start) == proxySignature:
		return readProxyV2(r, peer)
	case bytes.HasPrefix(start, []byte("PROXY ")):
		return readProxyV1(r, b[:], len(start), peer)
	}
	return peer, errNoProxyHeader
}

// maxProxyLine is the length limit of a header of version 1 (section 2.1).
const maxProxyLine = 107

// readProxyV1 reads the rest of a line whose first n bytes are in line. It ends
// with CR LF, so at least two more bytes belong to it unless the last one is CR.
func readProxyV1(r io.Reader, line []byte, n int, peer netip.AddrPort) (netip.AddrPort, error) {
	for !bytes.HasSuffix(line[:n], []byte("\r\n")) {
		more := 2
		if line[n-1] == '\r' {
			more = 1
		}
		if n+more > len(line) {
			return peer, fmt.Errorf("PROXY protocol header: no end of line in %d bytes", len(line))
		}
		if _, err := io.ReadFull(r, line[n:n+more]); err != nil {
			return peer, fmt.Errorf("PROXY protocol header: %w", err)
		}
		n += more
	}
	return parseProxyV1(line[:n-2], peer)
}

// parseProxyV1 parses "PROXY TCP4 client server port port", separated by single
// spaces (section 2.1).
func parseProxyV1(line []byte, peer netip.AddrPort) (netip.AddrPort, error) {
	words := bytes.Split(line, []byte(" "))
	if string(words[1]) == "UNKNOWN" {
		return peer, nil // ignore the rest
	}
	if len(words) != 6 {
		return peer, fmt.Errorf("PROXY protocol header %q: expected one like PROXY TCP4 192.0.2.1 198.51.100.1 51000 443", line)
	}
	client, err := parseProxyAddress(string(words[1]), string(words[2]), string(words[4]))
	if err == nil {
		_, err = parseProxyAddress(string(words[1]), string(words[3]), string(words[5]))
	}
	if err != nil {
		return peer, fmt.Errorf("PROXY protocol header %q: %w", line, err)
	}
	return client, nil
}

func parseProxyAddress(family, host, port string) (netip.AddrPort, error) {
	address, err := netip.ParseAddr(host)
	if err != nil || address.Zone() != "" || family != "TCP4" && family != "TCP6" || address.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address of family %q, expected TCP4 or TCP6 and an address of it", host, family)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(number, 10) != port {
		return netip.AddrPort{}, fmt.Errorf("%q is not a valid port", port)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number)), nil
}

// maxProxyExtras limits the variable part of a header of version 2. Addresses
// take 216 bytes at most; the rest is for extensions (TLVs), which are ignored.
const maxProxyExtras = 4 << 10

// readProxyV2 reads what follows the signature (section 2.2).
func readProxyV2(r io.Reader, peer netip.AddrPort) (netip.AddrPort, error) {
	var fixed [4]byte // version and command, family and transport, length
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return peer, fmt.Errorf("PROXY protocol header: %w", err)
	}
	version, command := fixed[0]>>4, fixed[0]&0xf
	if version != 2 || command > 1 {
		return peer, fmt.Errorf("PROXY protocol header: version %d, command %d; expected version 2, command 0 (LOCAL) or 1 (PROXY)", version, command)
	}
	if fixed[1]>>4 > 3 || fixed[1]&0xf > 2 {
		return peer, fmt.Errorf("PROXY protocol header: address family and transport %#02x do not exist", fixed[1])
	}
	length := int(binary.BigEndian.Uint16(fixed[2:]))
	if length > maxProxyExtras {
		return peer, fmt.Errorf("PROXY protocol header: %d bytes of addresses and extensions, more than %d", length, maxProxyExtras)
	}
	// Other families and transports are valid, but have no TCP client.
	var size int // of an address
	switch fixed[1] {
	case 0x11: // TCP over IPv4
		size = 4
	case 0x21: // TCP over IPv6
		size = 16
	}
	if command == 0 || size == 0 {
		return peer, skip(r, length)
	}
	var addresses [2*16 + 2*2]byte // of client and server, then their ports
	named := addresses[:2*size+2*2]
	if length < len(named) {
		return peer, fmt.Errorf("PROXY protocol header: %d bytes of addresses, expected %d", length, len(named))
	}
	if _, err := io.ReadFull(r, named); err != nil {
		return peer, fmt.Errorf("PROXY protocol header: %w", err)
	}
	client, _ := netip.AddrFromSlice(named[:size])
	port := binary.BigEndian.Uint16(named[2*size:])
	return netip.AddrPortFrom(client.Unmap(), port), skip(r, length-len(named))
}

// skip reads and drops n bytes.
func skip(r io.Reader, n int) error {
	if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
		return fmt.Errorf("PROXY protocol header: %w", err)
	}
	return nil
}

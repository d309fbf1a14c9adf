package caa

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	// queryTime limits the wait for one answer.
	queryTime = 3 * time.Second
	// rounds is how often each resolver is asked.
	rounds = 2
	// maxServers limits the resolvers that are asked, as in the C library.
	maxServers = 3

	systemConfig = "/etc/resolv.conf"
)

// ask sends a query to resolvers, one after the other, until one answers. Without
// any it asks those of the system.
func ask(ctx context.Context, resolvers []netip.AddrPort, query []byte) ([]byte, error) {
	if len(resolvers) == 0 {
		var err error
		if resolvers, err = systemResolvers(systemConfig); err != nil {
			return nil, err
		}
	}
	var failures error
	for range rounds {
		for _, server := range resolvers[:min(len(resolvers), maxServers)] {
			response, err := exchange(ctx, server, query)
			if err == nil {
				return response, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			failures = fmt.Errorf("resolver %s: %w", server, err)
		}
	}
	return nil, failures
}

// exchange asks over UDP, and over TCP for what does not fit (RFC 7766 §5).
func exchange(ctx context.Context, server netip.AddrPort, query []byte) ([]byte, error) {
	response, err := exchangeOver(ctx, "udp", server, query)
	const truncated = 0x02 // in the third octet (RFC 1035 §4.1.1)
	if err == nil && response[2]&truncated != 0 {
		response, err = exchangeOver(ctx, "tcp", server, query)
	}
	return response, err
}

func exchangeOver(ctx context.Context, network string, server netip.AddrPort, query []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if network == "tcp" {
		return exchangeTCP(conn, query)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	buffer := make([]byte, 1<<16)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			if ctx.Err() != nil {
				err = errors.New("no answer")
			}
			return nil, err
		}
		if answers(buffer[:n], query) { // others may be late, or forged
			return buffer[:n], nil
		}
	}
}

// exchangeTCP sends and receives messages with their lengths (RFC 1035 §4.2.2).
func exchangeTCP(conn net.Conn, query []byte) ([]byte, error) {
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	response := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, response); err != nil {
		return nil, err
	}
	if !answers(response, query) {
		return nil, errors.New("it answers another question")
	}
	return response, nil
}

// systemResolvers reads the name servers of a file in the form of resolv.conf(5).
func systemResolvers(file string) ([]netip.AddrPort, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var servers []netip.AddrPort
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if address, err := netip.ParseAddr(fields[1]); err == nil {
			servers = append(servers, netip.AddrPortFrom(address, 53))
		}
	}
	if len(servers) == 0 {
		return nil, fmt.Errorf("%s names no name server", file)
	}
	return servers, nil
}

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// loadCommand makes this program the load: load ROW ADDRESS PERIOD.
const loadCommand = "load"

// warmUp is how long the load runs before it counts.
const warmUp = time.Second

// load is the clients of a row.
type load struct {
	row
	address string
	tls     *tls.Config
	request []byte // head and body
	block   []byte // the head, over HTTP/2
	content []byte // the body
	stop    atomic.Bool
	count   atomic.Int64

	counting atomic.Bool // the warm-up is over
}

func runLoad(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: load ROW ADDRESS PERIOD")
	}
	i := slices.IndexFunc(rows, func(r row) bool { return r.name == args[0] })
	if i < 0 {
		return fmt.Errorf("%q is not a row", args[0])
	}
	period, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	l := &load{row: rows[i], address: args[1], tls: clientTLS(rows[i])}
	l.request = l.text()
	l.block, l.content = l.fields(), l.message()
	switch {
	case l.idle > 0 && l.streams > 0:
		return l.holdIdle2()
	case l.idle > 0:
		return l.holdIdle()
	}
	return l.run(period)
}

// clientTLS offers what all peers have. Certificates are not verified: that is
// the load's CPU time, and the certificate is made for the run.
func clientTLS(r row) *tls.Config {
	config := &tls.Config{
		ServerName: cmp.Or(r.host, host), InsecureSkipVerify: true, NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519},
	}
	if r.tls12 {
		config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		config.CurvePreferences = append(config.CurvePreferences, tls.CurveP256) // for the certificate (RFC 8422 §5.1.1)
	}
	if r.resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return config
}

func (l *load) text() []byte {
	head := l.method + " " + l.path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench\r\nAccept: */*\r\n"
	if l.body > 0 {
		head += "Content-Length: " + strconv.Itoa(l.body) + "\r\n"
	}
	if l.gzip {
		head += "Accept-Encoding: gzip\r\n"
	}
	if l.each {
		head += "Connection: close\r\n"
	}
	return append([]byte(head+"\r\n"), make([]byte, l.body)...)
}

// fields are the head of a request over HTTP/2.
func (l *load) fields() []byte {
	fields := []string{":method", l.method, ":scheme", "https", ":authority", l.authority(), ":path", l.path, "user-agent", "bench"}
	if l.grpc {
		fields = append(fields, "content-type", "application/grpc", "te", "trailers")
	} else if l.body > 0 {
		fields = append(fields, "content-length", strconv.Itoa(l.body))
	}
	return block(fields...)
}

// message is the body: for gRPC, its length comes before a message.
func (l *load) message() []byte {
	content := make([]byte, l.body)
	if l.grpc {
		binary.BigEndian.PutUint32(content[1:], uint32(l.body-5))
	}
	return content
}

func (l *load) authority() string { return cmp.Or(l.host, host) }

// run keeps all clients busy for a while and then counts for period. It writes
// a line when it begins to count, and one with the count when it is done.
func (l *load) run(period time.Duration) error {
	errs := make(chan error, l.clients)
	client := l.client
	if l.streams > 0 {
		client = l.client2
	}
	for range l.clients {
		go func() { errs <- client() }()
	}
	time.Sleep(warmUp)
	l.counting.Store(true)
	before := l.count.Load()
	fmt.Println(before)
	time.Sleep(period)
	fmt.Println(l.count.Load() - before)
	l.stop.Store(true)
	var failed error // of one; the others most likely met the same
	for range l.clients {
		failed = cmp.Or(<-errs, failed)
	}
	return failed
}

// client sends one request after the other, each on a connection of its own
// where the row says so.
func (l *load) client() error {
	for !l.stop.Load() {
		c, err := l.dial()
		if err != nil {
			return err
		}
		in := readers.Get().(*bufio.Reader)
		in.Reset(c)
		for once := true; err == nil && !l.stop.Load() && (once || !l.each); once = false {
			if err = l.exchange(c, in); err == nil {
				l.count.Add(1)
			}
		}
		c.Close()
		readers.Put(in)
		if err != nil {
			return err
		}
	}
	return nil
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

func (l *load) dial() (net.Conn, error) {
	c, err := net.Dial("tcp", l.address)
	if err != nil || !l.row.tls {
		return c, err
	}
	secured := tls.Client(c, l.tls)
	if err := secured.Handshake(); err != nil {
		c.Close()
		return nil, err
	}
	if resumed := secured.ConnectionState().DidResume; resumed != l.resume && l.counting.Load() {
		return nil, fmt.Errorf("a session was resumed: %t, expected: %t", resumed, l.resume)
	}
	return secured, nil
}

// exchange sends a request and reads the whole answer.
func (l *load) exchange(c net.Conn, in *bufio.Reader) error {
	if _, err := c.Write(l.request); err != nil {
		return err
	}
	if l.gzip {
		return l.compressed(in)
	}
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("reading an answer: %w", err)
		}
		switch {
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")):
			return fmt.Errorf("wrong answer: %q", line)
		case len(line) == 2:
			if length != l.answer {
				return fmt.Errorf("wrong answer: %d bytes of content, expected %d", length, l.answer)
			}
			_, err := in.Discard(length)
			return err
		case len(line) > len(lengthName) && bytes.EqualFold(line[:len(lengthName)], []byte(lengthName)):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthName):]))); err != nil {
				return fmt.Errorf("wrong answer: %q", line)
			}
		}
	}
}

const lengthName = "content-length:"

// holdIdle opens connections, sends some requests on each and keeps them until
// its input ends. It writes a line when the first one is open, since what a
// proxy takes once is no connection's, and one when all are idle.
func (l *load) holdIdle() error {
	conns := make([]net.Conn, 0, l.idle)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	in := bufio.NewReader(nil)
	for len(conns) < l.idle {
		c, err := l.dial()
		if err != nil {
			return fmt.Errorf("connection %d: %w", len(conns), err)
		}
		conns = append(conns, c)
		in.Reset(c)
		for range l.requests {
			if err := l.exchange(c, in); err != nil {
				return fmt.Errorf("connection %d: %w", len(conns), err)
			}
		}
		if len(conns) == 1 {
			fmt.Println(l.requests)
		}
	}
	fmt.Println(l.requests * l.idle)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

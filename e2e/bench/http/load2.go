package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// client2 keeps a number of requests under way on one connection over HTTP/2.
func (l *load) client2() error {
	c, err := l.dial2()
	if err != nil {
		return err
	}
	defer c.close()
	for range l.streams {
		c.send()
	}
	for !l.stop.Load() {
		n, err := c.answers()
		if err != nil {
			return err
		}
		l.count.Add(int64(n))
		for range n {
			c.send()
		}
	}
	return nil
}

// conn2 is a connection over HTTP/2 of which little is asked: all requests are
// the same.
type conn2 struct {
	l       *load
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	framer  *http2.Framer
	decoder *hpack.Decoder
	status  string
	grpc    string
	next    uint32
	got     map[uint32]int // bytes of content, by stream
	taken   uint32         // of the connection's window
	uploads []upload       // bodies of which a part is still to be sent
	window  int64          // what the proxy takes on the connection
	initial int64          // and on a new stream
}

// upload is what is left to send of a body.
type upload struct {
	id     uint32
	left   []byte
	window int64
}

func (l *load) dial2() (*conn2, error) {
	nc, err := net.Dial("tcp", l.address)
	if err != nil {
		return nil, err
	}
	config := l.tls.Clone()
	config.NextProtos = []string{"h2"}
	secured := tls.Client(nc, config)
	c := &conn2{l: l, conn: secured, in: bufio.NewReaderSize(secured, 64<<10), out: bufio.NewWriterSize(secured, 64<<10), next: 1, got: make(map[uint32]int), window: defaultWindow, initial: defaultWindow}
	c.framer = http2.NewFramer(c.out, c.in)
	c.framer.SetReuseFrames()
	c.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		switch f.Name {
		case ":status":
			c.status = f.Value
		case "grpc-status":
			c.grpc = f.Value
		}
	})
	if err := secured.Handshake(); err != nil {
		nc.Close()
		return nil, err
	}
	if secured.ConnectionState().NegotiatedProtocol != "h2" {
		nc.Close()
		return nil, errors.New("HTTP/2 was not agreed on")
	}
	_, _ = io.WriteString(c.out, http2.ClientPreface)
	_ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	_ = c.framer.WriteWindowUpdate(0, 1<<30)
	return c, nil
}

// defaultWindow is what may be sent before a peer has said more (RFC 9113 §6.9.2),
// and maxFrame the most in a frame.
const (
	defaultWindow = 64<<10 - 1
	maxFrame      = 16 << 10
)

func (c *conn2) close() { c.conn.Close() }

func (c *conn2) send() {
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: c.next, BlockFragment: c.l.block, EndHeaders: true, EndStream: c.l.body == 0})
	if c.l.body > 0 {
		c.uploads = append(c.uploads, upload{c.next, c.l.content, c.initial})
		c.upload()
	}
	c.got[c.next] = 0
	c.next += 2
}

// upload sends of the bodies what the windows allow.
func (c *conn2) upload() {
	c.uploads = slices.DeleteFunc(c.uploads, func(u upload) bool { return len(u.left) == 0 })
	for i := range c.uploads {
		u := &c.uploads[i]
		for len(u.left) > 0 && min(u.window, c.window) > 0 {
			part := u.left[:min(int64(len(u.left)), maxFrame, u.window, c.window)]
			u.left = u.left[len(part):]
			_ = c.framer.WriteData(u.id, len(u.left) == 0, part)
			u.window -= int64(len(part))
			c.window -= int64(len(part))
		}
	}
}

// opened takes in that the proxy takes more on a stream, 0 being the connection.
func (c *conn2) opened(id uint32, more int64) {
	if id == 0 {
		c.window += more
	}
	for i := range c.uploads {
		if c.uploads[i].id == id {
			c.uploads[i].window += more
		}
	}
	c.upload()
}

// answers writes what was sent, and returns how many answers have ended when it
// has read all that has come.
func (c *conn2) answers() (int, error) {
	for n := 0; ; {
		if c.in.Buffered() == 0 {
			if err := c.out.Flush(); err != nil {
				return 0, err
			}
		}
		frame, err := c.framer.ReadFrame()
		if err != nil {
			return 0, fmt.Errorf("reading an answer: %w", err)
		}
		id, ended := frame.Header().StreamID, false
		switch frame := frame.(type) {
		case *http2.HeadersFrame:
			if _, err := c.decoder.Write(frame.HeaderBlockFragment()); err != nil {
				return 0, err
			}
			ended = frame.StreamEnded()
		case *http2.DataFrame:
			c.got[id] += len(frame.Data())
			ended = frame.StreamEnded()
			if c.taken += uint32(frame.Length); c.taken > 1<<20 {
				_ = c.framer.WriteWindowUpdate(0, c.taken)
				c.taken = 0
			}
		case *http2.WindowUpdateFrame:
			c.opened(id, int64(frame.Increment))
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = c.framer.WriteSettingsAck()
				if window, said := frame.Value(http2.SettingInitialWindowSize); said {
					for _, u := range slices.Clone(c.uploads) {
						c.opened(u.id, int64(window)-c.initial)
					}
					c.initial = int64(window)
				}
			}
		case *http2.RSTStreamFrame:
			return 0, fmt.Errorf("wrong answer: reset with %v", frame.ErrCode)
		case *http2.GoAwayFrame:
			return 0, fmt.Errorf("wrong answer: %v", frame.ErrCode)
		}
		if ended {
			if c.got[id] != c.l.answer || c.status != "200" || c.l.grpc && c.grpc != "0" {
				return 0, fmt.Errorf("wrong answer: %s, %d bytes, gRPC status %q", c.status, c.got[id], c.grpc)
			}
			delete(c.got, id)
			n++
		}
		if n > 0 && c.in.Buffered() == 0 {
			return n, nil
		}
	}
}

// holdIdle2 is holdIdle over HTTP/2.
func (l *load) holdIdle2() error {
	conns := make([]*conn2, 0, l.idle)
	defer func() {
		for _, c := range conns {
			c.close()
		}
	}()
	for len(conns) < l.idle {
		c, err := l.dial2()
		if err != nil {
			return fmt.Errorf("connection %d: %w", len(conns), err)
		}
		conns = append(conns, c)
		for range l.requests {
			c.send()
			if _, err := c.answers(); err != nil {
				return fmt.Errorf("connection %d: %w", len(conns), err)
			}
		}
		c.in, c.out = nil, nil // it sends nothing more, and its memory must not count for the proxy
		if len(conns) == 1 {
			fmt.Println(l.requests)
		}
	}
	fmt.Println(l.requests * l.idle)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

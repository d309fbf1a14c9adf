package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// backendCommand makes this program the backend of the rows with gRPC: backend
// ADDRESS. It answers each call with the message that it was sent, and the
// answers cost next to nothing.
const backendCommand = "backend"

func runBackend(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: backend ADDRESS")
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			_ = serveCalls(c) // it ends with the proxy
		}()
	}
}

// serveCalls reads the frames of a connection, and writes when it has read all
// that has come.
func serveCalls(c net.Conn) error {
	in, out := bufio.NewReaderSize(c, 64<<10), bufio.NewWriterSize(c, 64<<10)
	if _, err := io.ReadFull(in, make([]byte, len(http2.ClientPreface))); err != nil {
		return err
	}
	f := http2.NewFramer(out, in)
	f.SetReuseFrames()
	_ = f.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1000})
	head, trailers := block(":status", "200", "content-type", "application/grpc"), block("grpc-status", "0")
	calls := make(map[uint32][]byte)
	for {
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		frame, err := f.ReadFrame()
		if err != nil {
			return err
		}
		id, ended := frame.Header().StreamID, false
		switch frame := frame.(type) {
		case *http2.HeadersFrame:
			calls[id], ended = nil, frame.StreamEnded()
		case *http2.DataFrame:
			calls[id], ended = append(calls[id], frame.Data()...), frame.StreamEnded()
			if n := uint32(len(frame.Data())); n > 0 {
				_ = f.WriteWindowUpdate(0, n)
			}
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = f.WritePing(true, frame.Data)
			}
		}
		if ended {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head, EndHeaders: true})
			_ = f.WriteData(id, false, calls[id])
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: trailers, EndHeaders: true, EndStream: true})
			delete(calls, id)
		}
	}
}

// block makes a block of the fields "name", "value", … that uses no table.
func block(fields ...string) []byte {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	encoder.SetMaxDynamicTableSizeLimit(0)
	for i := 0; i < len(fields); i += 2 {
		if err := encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			panic(fmt.Sprint("a field that can't be written into memory: ", err))
		}
	}
	return b.Bytes()
}

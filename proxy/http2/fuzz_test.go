package http2_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http2"
	"gatelodge.dev/proxy/wire"
)

// The fuzz tests play frames against either side over a pipe. Whatever comes,
// the side that is tested has to end with the connection, to write frames that
// golang.org/x/net reads, and to pass on only what may be passed on.

// frames makes the bytes of some, beginning with SETTINGS.
func frames(write func(f *xhttp2.Framer, block func(fields ...string) []byte)) []byte {
	var b, block bytes.Buffer
	f := xhttp2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	encoder := hpack.NewEncoder(&block)
	_ = f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 100})
	write(f, func(fields ...string) []byte {
		block.Reset()
		for i := 0; i < len(fields); i += 2 {
			_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		return bytes.Clone(block.Bytes())
	})
	return b.Bytes()
}

func headers(f *xhttp2.Framer, id uint32, end bool, block []byte) {
	_ = f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: end})
}

func FuzzServerFrames(f *testing.F) {
	for _, seed := range [][]byte{
		frames(func(f *xhttp2.Framer, block func(...string) []byte) {
			headers(f, 1, true, block(request("GET", "/a?b", "cookie", "a", "cookie", "b")...))
			headers(f, 3, false, block(request("POST", "/", "content-length", "4", "expect", "100-continue")...))
			_ = f.WriteDataPadded(3, false, []byte("bo"), []byte{0, 0})
			_ = f.WriteData(3, true, []byte("dy"))
			_ = f.WriteWindowUpdate(0, 1000)
			_ = f.WriteWindowUpdate(1, 1000)
		}),
		frames(func(f *xhttp2.Framer, block func(...string) []byte) {
			b := block(request("POST", "/", "te", "trailers")...)
			_ = f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:3], Priority: xhttp2.PriorityParam{StreamDep: 3, Weight: 1}, PadLength: 2})
			_ = f.WriteContinuation(1, false, b[3:5])
			_ = f.WriteContinuation(1, true, b[5:])
			_ = f.WriteData(1, false, []byte("body"))
			headers(f, 1, true, block("after", "all"))
			_ = f.WritePing(false, [8]byte{1})
			_ = f.WriteGoAway(0, xhttp2.ErrCodeNo, nil)
		}),
		frames(func(f *xhttp2.Framer, block func(...string) []byte) {
			headers(f, 1, false, block(":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a", ":path", "/"))
			_ = f.WriteData(1, true, []byte("tunnel"))
			headers(f, 3, true, block(request("HEAD", "/")...))
			_ = f.WriteRSTStream(3, xhttp2.ErrCodeCancel)
			_ = f.WritePriority(5, xhttp2.PriorityParam{StreamDep: 5})
			_ = f.WriteRawFrame(0xee, 1, 1, []byte("?"))
			_ = f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0}, xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 1 << 20})
		}),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		ours, theirs := net.Pipe()
		s := &http2.Server{Settings: settings(), Handler: func(x *exchange.Exchange) error {
			checkExchange(t, x)
			if x.Upgrade != "" {
				tunnel, err := x.Response.Tunnel(x.Upgrade, nil)
				if err != nil {
					return err
				}
				_, err = io.Copy(tunnel, tunnel)
				return err
			}
			content, err := io.ReadAll(x.Body)
			if err != nil {
				return err
			}
			if x.Length >= 0 && int64(len(content)) != x.Length {
				t.Errorf("a body of %d bytes, %d announced", len(content), x.Length)
			}
			for _, f := range x.Body.Trailers() {
				checkField(t, f)
			}
			if err := x.Response.Head(200, nil, -1); err != nil {
				return err
			}
			_, err = x.Response.Write(content)
			return err
		}}
		served := make(chan struct{})
		go func() {
			defer close(served)
			s.ServeConn(context.Background(), ours, &exchange.Conn{}, []byte(xhttp2.ClientPreface))
		}()
		play(t, theirs, input)
		<-served
	})
}

// play writes the input and reads what comes, which has to be frames, until both
// have ended. What the other side says when it has closed is not all there.
func play(t *testing.T, c net.Conn, input []byte) {
	go func() {
		_, _ = c.Write(input) // the other side may end before
		_ = c.Close()
	}()
	f := xhttp2.NewFramer(nil, c)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			if _, wrong := err.(xhttp2.ConnectionError); wrong {
				t.Errorf("wrote what can't be read: %v", err)
			}
			return
		}
		if frame.Header().Length > 16<<10 {
			t.Errorf("wrote a frame of %d bytes", frame.Header().Length)
		}
	}
}

func checkExchange(t *testing.T, x *exchange.Exchange) {
	if !wire.IsToken(x.Method) || x.Method == "CONNECT" || !wire.IsAuthority(x.Authority) ||
		x.Path != "*" && !strings.HasPrefix(x.Path, "/") || !wire.IsVisible(x.Path+x.Query) || x.Query != "" && x.Query[0] != '?' {
		t.Errorf("passed on %q %q %q %q", x.Method, x.Authority, x.Path, x.Query)
	}
	for _, f := range x.Header {
		checkField(t, f)
	}
}

func checkField(t *testing.T, f exchange.Field) {
	if wire.CheckFields(exchange.Fields{f}) != nil || strings.ToLower(f.Name) != f.Name || strings.Trim(f.Value, " \t") != f.Value {
		t.Errorf("passed on the field %q: %q", f.Name, f.Value)
	}
	switch f.Name {
	case "connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection", "content-length", "host", "expect":
		if f.Name != "host" && f.Name != "expect" {
			t.Errorf("passed on the field %q", f.Name)
		}
	}
}

func FuzzClientFrames(f *testing.F) {
	for _, seed := range [][]byte{
		frames(func(f *xhttp2.Framer, block func(...string) []byte) {
			headers(f, 1, false, block(":status", "103", "link", "x"))
			headers(f, 1, false, block(":status", "200", "content-length", "4"))
			_ = f.WriteDataPadded(1, false, []byte("bo"), []byte{0})
			_ = f.WriteData(1, true, []byte("dy"))
		}),
		frames(func(f *xhttp2.Framer, block func(...string) []byte) {
			_ = f.WriteWindowUpdate(1, 10)
			headers(f, 1, false, block(":status", "200"))
			_ = f.WriteData(1, false, []byte("body"))
			headers(f, 1, true, block("grpc-status", "0"))
			_ = f.WriteRSTStream(1, xhttp2.ErrCodeNo)
		}),
		frames(func(f *xhttp2.Framer, block func(...string) []byte) {
			_ = f.WriteGoAway(0, xhttp2.ErrCodeNo, []byte("bye"))
			headers(f, 1, true, block(":status", "204"))
		}),
		frames(func(f *xhttp2.Framer, block func(...string) []byte) {
			_ = f.WriteRSTStream(1, xhttp2.ErrCodeRefusedStream)
			_ = f.WritePushPromise(xhttp2.PushPromiseParam{StreamID: 1, PromiseID: 2, BlockFragment: block(request("GET", "/")...), EndHeaders: true})
		}),
	} {
		f.Add(seed, uint8(0))
		f.Add(seed, uint8(200))
	}
	f.Fuzz(func(t *testing.T, input []byte, content uint8) {
		ours, theirs := net.Pipe()
		client := http2.NewClient(address("127.0.0.1:1"), http2.Options{
			Settings: settings(),
			Dial:     func(context.Context, addrPort) (net.Conn, error) { return ours, nil },
		})
		played := make(chan struct{})
		go func() {
			defer close(played)
			preface := make([]byte, len(xhttp2.ClientPreface))
			if _, err := io.ReadFull(theirs, preface); err == nil {
				play(t, theirs, input)
			}
		}()
		var body io.Reader
		if content > 0 {
			body = bytes.NewReader(make([]byte, 100*int(content)))
		}
		got, err := ask(client, "POST", body)
		client.Close()
		_ = ours.Close()
		<-played
		if err != nil {
			return
		}
		if got.status < 200 || got.status > 999 || got.length >= 0 && got.status != 204 && got.status != 304 && int64(got.body.Len()) != got.length {
			t.Errorf("passed on %d, %d bytes of %d", got.status, got.body.Len(), got.length)
		}
		for _, f := range append(got.header, got.trailers...) {
			checkField(t, f)
		}
	})
}

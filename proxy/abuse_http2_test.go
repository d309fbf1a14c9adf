package proxy

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames makes the bytes of frames.
func frames(write func(f *http2.Framer)) string {
	var b bytes.Buffer
	f := http2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	write(f)
	return b.String()
}

// block makes a block of the fields "name", "value", …
func block(fields ...string) []byte {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	encoder.SetMaxDynamicTableSizeLimit(0) // so that it can be sent many times
	for i := 0; i < len(fields); i += 2 {
		_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) // into memory
	}
	return b.Bytes()
}

// TestAbuseOverHTTP2: with prior knowledge, on the listener of HTTP.
func TestAbuseOverHTTP2(t *testing.T) {
	get := block(":method", "GET", ":scheme", "http", ":authority", appHost, ":path", "/")
	big := block(":method", "GET", ":scheme", "http", ":authority", appHost, ":path", "/big")
	post := block(":method", "POST", ":scheme", "http", ":authority", appHost, ":path", "/read")
	hello := func(settings ...http2.Setting) string {
		return http2.ClientPreface + frames(func(f *http2.Framer) { _ = f.WriteSettings(settings...) })
	}
	open := func(f *http2.Framer, id uint32, block []byte, end bool) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: end})
	}
	// each sends frames for many streams, one after the other, and then reads.
	each := func(c net.Conn, streams int, write func(f *http2.Framer, id uint32)) {
		_, _ = io.WriteString(c, hello())
		for from := 0; from < streams; from += 10 {
			if _, err := io.WriteString(c, frames(func(f *http2.Framer) {
				for i := range min(10, streams-from) {
					write(f, uint32(2*(from+i)+1))
				}
			})); err != nil {
				return
			}
		}
	}
	// again sends the same frames over and over.
	again := func(before, part string) func(net.Conn) {
		return func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			_, _ = io.WriteString(c, hello()+before)
			flood(c, part)
		}
	}
	many := func(write func(f *http2.Framer)) string {
		return frames(func(f *http2.Framer) {
			for range 1000 {
				write(f)
			}
		})
	}
	begun := frames(func(f *http2.Framer) {
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: get})
	})
	testAbuse(t, 1536<<10, []abuse{
		{"nothing after the preface", func(c net.Conn) {
			_, _ = io.WriteString(c, hello())
			_, _ = io.Copy(io.Discard, c)
		}},
		{"a head by drops", func(c net.Conn) {
			_, _ = io.WriteString(c, hello()+begun)
			drip(c, frames(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, block("x", "y")) }))
		}},
		{"a head that does not end", again(begun, many(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, block("x", "y")) }))},
		{"a head that does not end, of empty frames", again(begun, many(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, nil) }))},
		{"heads that are too large", func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			each(c, 5000, func(f *http2.Framer, id uint32) {
				part := bytes.Repeat([]byte{0x40, 1, 'x', 10, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'}, 1100)
				open(f, id, append(bytes.Clone(get), part...), true)
			})
		}},
		{"heads that unpack to much", func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			first := append([]byte{0x40, 1, 'x', 0x7f, 0x81, 30}, bytes.Repeat([]byte{'y'}, 4000)...)
			each(c, 5000, func(f *http2.Framer, id uint32) {
				open(f, id, append(append(bytes.Clone(get), first...), bytes.Repeat([]byte{0xbe}, 12_000)...), true)
			})
		}},
		{"requests that are withdrawn at once", func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			each(c, 20_000, func(f *http2.Framer, id uint32) {
				open(f, id, get, true)
				_ = f.WriteRSTStream(id, http2.ErrCodeCancel)
			})
		}},
		{"requests that have to be reset", func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			each(c, 20_000, func(f *http2.Framer, id uint32) {
				open(f, id, get, true)
				_ = f.WriteWindowUpdate(id, 0)
			})
		}},
		{"more requests at a time than there may be", func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			each(c, 5000, func(f *http2.Framer, id uint32) {
				if id < 20 {
					open(f, id, post, false)
				} else {
					open(f, id, nil, false)
				}
			})
		}},
		{"pings", again("", many(func(f *http2.Framer) { _ = f.WritePing(false, [8]byte{}) }))},
		{"pings whose answers are not read", func(c net.Conn) {
			readNothing(c)
			_, _ = io.WriteString(c, hello())
			flood(c, many(func(f *http2.Framer) { _ = f.WritePing(false, [8]byte{}) }))
		}},
		{"settings", again("", many(func(f *http2.Framer) {
			_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 2})
		}))},
		{"priorities", again("", many(func(f *http2.Framer) { _ = f.WritePriority(1, http2.PriorityParam{StreamDep: 3}) }))},
		{"frames of no kind", again("", many(func(f *http2.Framer) { _ = f.WriteRawFrame(0xee, 0, 1, []byte("?")) }))},
		{"parts of a body without content", again(frames(func(f *http2.Framer) { open(f, 1, post, false) }), many(func(f *http2.Framer) { _ = f.WriteData(1, false, nil) }))},
		{"bodies that do not go on", func(c net.Conn) {
			each(c, 5, func(f *http2.Framer, id uint32) {
				open(f, id, post, false)
				_ = f.WriteData(id, false, []byte("half"))
			})
			_, _ = io.Copy(io.Discard, c)
		}},
		{"windows that stay shut", func(c net.Conn) {
			_, _ = io.WriteString(c, hello(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})+frames(func(f *http2.Framer) {
				for i := range 5 {
					open(f, uint32(2*i+1), get, true)
				}
			}))
			_, _ = io.Copy(io.Discard, c)
		}},
		{"windows by drops", func(c net.Conn) {
			_, _ = io.WriteString(c, hello(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})+frames(func(f *http2.Framer) { open(f, 1, big, true) }))
			go func() { _, _ = io.Copy(io.Discard, c) }()
			drip(c, frames(func(f *http2.Framer) { _ = f.WriteWindowUpdate(1, 1) }))
		}},
		{"answers that nobody reads", func(c net.Conn) {
			readNothing(c)
			_, _ = io.WriteString(c, hello(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})+frames(func(f *http2.Framer) {
				_ = f.WriteWindowUpdate(0, 1<<30)
				for i := range 5 {
					open(f, uint32(2*i+1), big, true)
				}
			}))
			<-time.After(100 * time.Millisecond) // nothing is sent, and nothing read
		}},
		{"requests as fast as they are answered", func(c net.Conn) {
			go func() { _, _ = io.Copy(io.Discard, c) }()
			each(c, 100, func(f *http2.Framer, id uint32) { open(f, id, get, true) })
		}},
	})
}

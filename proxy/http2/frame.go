package http2

import (
	"encoding/binary"
	"fmt"
)

// preface is the start of a client's connection (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// kind is the type of a frame (RFC 9113 §6).
type kind uint8

const (
	kindData kind = iota
	kindHeaders
	kindPriority
	kindReset
	kindSettings
	kindPushPromise
	kindPing
	kindGoAway
	kindWindowUpdate
	kindContinuation
)

// Flags of frames.
const (
	flagEndStream  = 0x01 // DATA, HEADERS
	flagAck        = 0x01 // SETTINGS, PING
	flagEndHeaders = 0x04 // HEADERS, CONTINUATION
	flagPadded     = 0x08 // DATA, HEADERS
	flagPriority   = 0x20 // HEADERS
)

const (
	frameHeaderSize = 9
	maxFrame        = 16 << 10 // the maximum payload that peers may send, the default
	maxWindow       = 1<<31 - 1
	defaultWindow   = 64<<10 - 1
)

// frame is the header of a frame (RFC 9113 §4.1).
type frame struct {
	length int
	kind   kind
	flags  uint8
	id     uint32
}

func (f frame) has(flag uint8) bool { return f.flags&flag != 0 }

func parseFrame(b []byte) frame {
	_ = b[frameHeaderSize-1]
	return frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   kind(b[3]),
		flags:  b[4],
		id:     binary.BigEndian.Uint32(b[5:]) &^ (1 << 31),
	}
}

func appendFrame(b []byte, length int, k kind, flags uint8, id uint32) []byte {
	return append(b, byte(length>>16), byte(length>>8), byte(length), byte(k), flags, byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// setLength writes the length of a payload into the frame header before it.
func setLength(header []byte, length int) {
	header[0], header[1], header[2] = byte(length>>16), byte(length>>8), byte(length)
}

func appendReset(b []byte, id uint32, code errCode) []byte {
	b = appendFrame(b, 4, kindReset, 0, id)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendPing(b []byte, flags uint8, data []byte) []byte {
	b = appendFrame(b, 8, kindPing, flags, 0)
	return append(b, data[:8]...)
}

func appendGoAway(b []byte, last uint32, code errCode) []byte {
	b = appendFrame(b, 8, kindGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendWindowUpdate(b []byte, id uint32, n int) []byte {
	b = appendFrame(b, 4, kindWindowUpdate, 0, id)
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// Identifiers of settings (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1).
const (
	settingHeaderTableSize   = 1
	settingEnablePush        = 2
	settingMaxStreams        = 3
	settingInitialWindow     = 4
	settingMaxFrame          = 5
	settingMaxHeaderList     = 6
	settingConnectProtocol   = 8
	settingNoOldPriorities   = 9
	settingSize              = 6
	initialWindowOfStreams   = 256 << 10 // see stream.credit
	initialWindowOfClient    = 128 << 10
	windowOfServerConnection = 1 << 20
	windowOfClientConnection = 16 << 20
)

// setting is a parameter of a SETTINGS frame.
type setting struct {
	id    uint16
	value uint32
}

func appendSettings(b []byte, settings ...setting) []byte {
	b = appendFrame(b, settingSize*len(settings), kindSettings, 0, 0)
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, s.id)
		b = binary.BigEndian.AppendUint32(b, s.value)
	}
	return b
}

// errCode is why a stream or a connection ends (RFC 9113 §7).
type errCode uint32

const (
	codeNo errCode = iota
	codeProtocol
	codeInternal
	codeFlowControl
	codeSettingsTimeout
	codeStreamClosed
	codeFrameSize
	codeRefusedStream
	codeCancel
	codeCompression
	codeConnect
	codeEnhanceYourCalm
	codeInadequateSecurity
	codeHTTP11Required
)

func (c errCode) String() string {
	names := [...]string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
		"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("error code %d", uint32(c))
}

// connError is a mistake of the peer that ends the connection.
type connError struct {
	code   errCode
	reason string
}

func (e *connError) Error() string { return e.code.String() + ": " + e.reason }

func connErrorf(code errCode, format string, args ...any) error {
	return &connError{code, fmt.Sprintf(format, args...)}
}

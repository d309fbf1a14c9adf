package http2

import (
	"encoding/binary"

	"gatelodge.dev/proxy/wire"
)

// payload is a DATA frame on its way from the input to its stream.
type payload struct {
	st   *stream // nil: the bytes are dropped
	left int
	pad  int
	end  bool
}

// receive handles the frames that are buffered. The lock is held.
func (l *link) receive() error {
	for {
		if l.data.left > 0 || l.data.pad > 0 {
			if err := l.receiveData(); err != nil || l.data.left > 0 || l.data.pad > 0 {
				return err
			}
		}
		b := l.in.buffered()
		if len(b) < frameHeaderSize {
			return nil
		}
		f := parseFrame(b)
		b = b[frameHeaderSize:]
		switch {
		case f.length > maxFrame:
			return connErrorf(codeFrameSize, "a frame of %d bytes", f.length)
		case l.heading.id != 0 && (f.kind != kindContinuation || f.id != l.heading.id):
			return connErrorf(codeProtocol, "a block of fields is interrupted")
		case !l.settingsKnown && (f.kind != kindSettings || f.has(flagAck)):
			return connErrorf(codeProtocol, "the first frame is not SETTINGS")
		case f.kind == kindData:
			if f.has(flagPadded) && f.length > 0 && len(b) == 0 {
				return nil
			}
			if err := l.beginData(f, b); err != nil {
				return err
			}
			continue
		case len(b) < f.length:
			return nil
		}
		l.in.r += frameHeaderSize + f.length
		if err := l.frame(f, b[:f.length]); err != nil {
			return err
		}
	}
}

// frame handles a frame of any kind except DATA.
func (l *link) frame(f frame, p []byte) error {
	switch f.kind {
	case kindHeaders:
		return l.receiveHeaders(f, p)
	case kindContinuation:
		if l.heading.id == 0 {
			return connErrorf(codeProtocol, "CONTINUATION without HEADERS")
		}
		return l.fragment(f.has(flagEndHeaders), p)
	case kindPriority:
		return l.receivePriority(f, p)
	case kindReset:
		return l.receiveReset(f, p)
	case kindSettings:
		return l.receiveSettings(f, p)
	case kindPushPromise:
		return connErrorf(codeProtocol, "PUSH_PROMISE")
	case kindPing:
		return l.receivePing(f, p)
	case kindGoAway:
		if f.id != 0 {
			return connErrorf(codeProtocol, "GOAWAY on a stream")
		}
		if len(p) < 8 {
			return connErrorf(codeFrameSize, "GOAWAY of %d bytes", len(p))
		}
		l.side.receivedGoAway(binary.BigEndian.Uint32(p)&^(1<<31), errCode(binary.BigEndian.Uint32(p[4:])))
	case kindWindowUpdate:
		return l.receiveWindowUpdate(f, p)
	}
	return nil // RFC 9113 §5.5: unknown ones are ignored
}

// isIdle reports whether the stream was never opened.
func (l *link) isIdle(id uint32) bool { return id > l.highest || id%2 == 0 }

// beginData consumes the header of a DATA frame and the length of its padding.
func (l *link) beginData(f frame, rest []byte) error {
	l.in.r += frameHeaderSize
	d := payload{left: f.length, end: f.has(flagEndStream)}
	if f.id == 0 || l.isIdle(f.id) {
		return connErrorf(codeProtocol, "DATA on a stream that is not open")
	}
	if f.length > l.recvLeft {
		return connErrorf(codeFlowControl, "more than the window of the connection")
	}
	l.recvLeft -= f.length
	if l.early {
		l.credit(f.length)
	}
	if f.has(flagPadded) {
		if f.length == 0 || int(rest[0]) >= f.length {
			return connErrorf(codeProtocol, "padding of more than the frame")
		}
		l.in.r++
		d.pad = int(rest[0])
		d.left -= 1 + d.pad
		l.used(1 + d.pad)
	}
	if d.left == 0 && !d.end {
		if err := l.abuse.count(1); err != nil {
			return err
		}
	}
	st := l.streams[f.id]
	switch {
	case l.resets.has(f.id): // it was on its way
	case l.early && st != nil && st.inEnded: // data after the answer, which is complete
		if err := l.abuse.count(1); err != nil {
			return err
		}
	case st == nil || st.inEnded || st.broken != nil:
		if err := l.streamError(f.id, codeStreamClosed, "DATA on a stream that is closed"); err != nil {
			return err
		}
	case f.length > st.recvLeft:
		if err := l.streamError(f.id, codeFlowControl, "more than the window of the stream"); err != nil {
			return err
		}
	case st.length >= 0 && int64(d.left) > st.length:
		if err := l.streamError(f.id, codeProtocol, "a body longer than Content-Length"); err != nil {
			return err
		}
	default:
		d.st = st
		st.recvLeft -= f.length
		if f.length > d.left {
			st.consumed += f.length - d.left
		}
		if st.length >= 0 {
			st.length -= int64(d.left)
		}
		if d.left > 0 {
			l.earnPing()
		}
	}
	l.data = d
	if d.left == 0 && d.pad == 0 {
		return l.endData()
	}
	return nil
}

// receiveData moves the received part of a DATA frame to its stream.
func (l *link) receiveData() error {
	d := &l.data
	p := l.in.buffered()
	p = p[:min(len(p), d.left)]
	l.in.r += len(p)
	d.left -= len(p)
	if d.st != nil {
		d.st.put(p)
	} else {
		l.used(len(p))
	}
	if d.left == 0 {
		skipped := min(len(l.in.buffered()), d.pad)
		l.in.r += skipped
		d.pad -= skipped
	}
	if d.left > 0 || d.pad > 0 {
		return nil
	}
	return l.endData()
}

func (l *link) endData() error {
	st, end := l.data.st, l.data.end
	l.data = payload{}
	if st != nil && end {
		return l.endInput(st)
	}
	return nil
}

// endInput records that the peer sends no more on a stream.
func (l *link) endInput(st *stream) error {
	st.inEnded = true
	st.cond.Broadcast()
	if st.length > 0 {
		return l.streamError(st.id, codeProtocol, "a body shorter than Content-Length")
	}
	return nil
}

// streamError resets a stream on which the peer broke a rule.
func (l *link) streamError(id uint32, code errCode, format string, args ...any) error {
	if err := l.abuse.count(1); err != nil {
		return err
	}
	return l.reset(id, code, &streamError{code, wire.Badf(format, args...)})
}

func (l *link) receiveHeaders(f frame, p []byte) error {
	if f.id == 0 {
		return connErrorf(codeProtocol, "HEADERS without a stream")
	}
	pad := 0
	if f.has(flagPadded) {
		if len(p) == 0 {
			return connErrorf(codeFrameSize, "HEADERS of no bytes")
		}
		pad, p = int(p[0]), p[1:]
	}
	if f.has(flagPriority) {
		if len(p) < 5 {
			return connErrorf(codeFrameSize, "HEADERS without their priority")
		}
		if binary.BigEndian.Uint32(p)&^(1<<31) == f.id {
			return connErrorf(codeProtocol, "a stream that depends on itself")
		}
		p = p[5:]
	}
	if pad > len(p) {
		return connErrorf(codeProtocol, "padding of more than the frame")
	}
	l.heading = f
	l.block.encoded = 0
	return l.fragment(f.has(flagEndHeaders), p[:len(p)-pad])
}

// fragmentOverhead is how much a frame counts in addition to its octets, to limit empty
// ones.
const fragmentOverhead = 64

// fragment collects a block of fields, and handles it when it is complete.
func (l *link) fragment(last bool, p []byte) error {
	limit := 2*l.limits().Bytes + maxFrame
	if l.block.encoded += len(p) + fragmentOverhead; l.block.encoded > limit {
		return connErrorf(codeEnhanceYourCalm, "a block of more than %d bytes", limit)
	}
	if !last {
		l.pending = append(l.pending, p...)
		return nil
	}
	if l.pending != nil {
		p = append(l.pending, p...)
		l.pending = nil
	}
	f := l.heading
	l.heading = frame{}
	return l.side.headers(f, p)
}

func (l *link) receivePriority(f frame, p []byte) error {
	switch {
	case f.id == 0:
		return connErrorf(codeProtocol, "PRIORITY without a stream")
	case len(p) != 5:
		return l.streamError(f.id, codeFrameSize, "PRIORITY of %d bytes", len(p))
	case binary.BigEndian.Uint32(p)&^(1<<31) == f.id:
		return l.streamError(f.id, codeProtocol, "a stream that depends on itself")
	}
	return nil // RFC 9113 §5.3.2: they mean nothing any more
}

func (l *link) receiveReset(f frame, p []byte) error {
	switch {
	case f.id == 0 || l.isIdle(f.id):
		return connErrorf(codeProtocol, "RST_STREAM on a stream that is not open")
	case len(p) != 4:
		return connErrorf(codeFrameSize, "RST_STREAM of %d bytes", len(p))
	}
	st := l.streams[f.id]
	if st == nil {
		return nil
	}
	st.outEnded = true
	code := errCode(binary.BigEndian.Uint32(p))
	if l.data.st == st {
		l.data.st = nil
	}
	return l.breakStream(st, &resetError{code}, true)
}

func (l *link) receiveSettings(f frame, p []byte) error {
	switch {
	case f.id != 0:
		return connErrorf(codeProtocol, "SETTINGS on a stream")
	case f.has(flagAck) && len(p) > 0 || len(p)%settingSize != 0:
		return connErrorf(codeFrameSize, "SETTINGS of %d bytes", len(p))
	case f.has(flagAck):
		return nil
	}
	window := l.peer.initialWindow
	for ; len(p) > 0; p = p[settingSize:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingEnablePush:
			if value > 1 {
				return connErrorf(codeProtocol, "ENABLE_PUSH of %d", value)
			}
		case settingMaxStreams:
			l.peer.maxStreams = int(min(value, 1<<30))
		case settingInitialWindow:
			if value > maxWindow {
				return connErrorf(codeFlowControl, "INITIAL_WINDOW_SIZE of %d", value)
			}
			window = int64(value)
		case settingMaxFrame:
			if value < maxFrame || value > 1<<24-1 {
				return connErrorf(codeProtocol, "MAX_FRAME_SIZE of %d", value)
			}
			l.peer.maxFrame = min(int(value), maxFrame) // larger ones would only delay other streams
		case settingConnectProtocol:
			if value > 1 {
				return connErrorf(codeProtocol, "ENABLE_CONNECT_PROTOCOL of %d", value)
			}
			l.peer.connects = value == 1
		}
	}
	if more := window - l.peer.initialWindow; more != 0 {
		l.peer.initialWindow = window
		for _, st := range l.streams {
			if st.sendWindow += more; st.sendWindow > maxWindow {
				return connErrorf(codeFlowControl, "a window over its limit")
			}
			st.cond.Broadcast()
		}
	}
	if err := l.abuse.count(1); err != nil {
		return err
	}
	l.out.grow()
	l.out.b = appendFrame(l.out.b, 0, kindSettings, flagAck, 0)
	l.settingsKnown = true
	l.side.receivedSettings()
	return nil
}

func (l *link) receivePing(f frame, p []byte) error {
	switch {
	case f.id != 0:
		return connErrorf(codeProtocol, "PING on a stream")
	case len(p) != 8:
		return connErrorf(codeFrameSize, "PING of %d bytes", len(p))
	case f.has(flagAck):
		l.side.receivedPingAck([8]byte(p))
		return nil
	}
	if err := l.countPing(); err != nil {
		return err
	}
	l.out.grow()
	l.out.b = appendPing(l.out.b, flagAck, p)
	return nil
}

func (l *link) receiveWindowUpdate(f frame, p []byte) error {
	if len(p) != 4 {
		return connErrorf(codeFrameSize, "WINDOW_UPDATE of %d bytes", len(p))
	}
	more := int64(binary.BigEndian.Uint32(p) &^ (1 << 31))
	if f.id == 0 {
		if more == 0 {
			return connErrorf(codeProtocol, "WINDOW_UPDATE of nothing")
		}
		if l.sendWindow += more; l.sendWindow > maxWindow {
			return connErrorf(codeFlowControl, "a window over its limit")
		}
		l.wakeAll()
		return nil
	}
	if l.isIdle(f.id) {
		return connErrorf(codeProtocol, "WINDOW_UPDATE on a stream that is not open")
	}
	if more == 0 {
		return l.streamError(f.id, codeProtocol, "WINDOW_UPDATE of nothing")
	}
	st := l.streams[f.id]
	if st == nil {
		return nil
	}
	if st.sendWindow += more; st.sendWindow > maxWindow {
		return l.streamError(f.id, codeFlowControl, "a window over its limit")
	}
	st.cond.Broadcast()
	return nil
}

// credit adds n bytes to the connection's window, with a WINDOW_UPDATE when there are
// enough.
func (l *link) credit(n int) {
	if l.consumed += n; l.consumed < l.recvWindow/2 {
		return
	}
	l.out.grow()
	l.out.b = appendWindowUpdate(l.out.b, 0, l.consumed)
	l.recvLeft += l.consumed
	l.consumed = 0
}

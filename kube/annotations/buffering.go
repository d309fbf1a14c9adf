package annotations

import (
	"errors"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

func bufferingRows() []row {
	return []row{
		{"proxy-request-buffering", "on or off", setOnOff(func(b *BufferingAsk) *bool { return &b.request }), false,
			"`on`: the backend gets a request once all of its body has come, with its length ([buffering.md](buffering.md)); by default `off`.",
			"ingress-nginx buffers by default. A body for which there is no room is answered 413, or 503."},
		{"client-body-buffer-size", expectsSize, setSize(func(b *BufferingAsk) *int64 { return &b.requestMemory }), false,
			"How much of such a body is kept in memory, by default 16k; the rest is in a file.", ""},
		{"proxy-buffering", "on or off", setOnOff(func(b *BufferingAsk) *bool { return &b.response }), false,
			"`on`: an answer is taken from the backend as fast as it comes, however slowly the client reads; by default `off`.", ""},
		{"proxy-buffers-number", "a number from 1 to 1000000", setBuffers, false,
			"How many buffers such an answer may have in memory, by default 4.", ""},
		{"proxy-buffer-size", expectsSize, setSize(func(b *BufferingAsk) *int64 { return &b.bufferSize }), false,
			"The size of each, by default 4k.", "The fields of an answer may be as long as `limits.headerBytes` of the configuration says, whatever this is."},
		{"proxy-busy-buffers-size", expectsSize, checkSize, false,
			"Nothing: what was taken from the backend is sent as soon as the client takes it.", ""},
		{"proxy-max-temp-file-size", expectsSize, setSize(func(b *BufferingAsk) *int64 { return &b.file }), false,
			"How much of such an answer may be in a file, when the memory is full; 0: nothing. By default 1024m.", ""},
		{"proxy-http-version", "1.1", checkHTTPVersion, false,
			"Nothing: backends are spoken to in HTTP/1.1, which a server of HTTP/1.0 understands.", "`1.0` is a problem: remove it. For a backend that needs the length of a body write `proxy-request-buffering: \"on\"`."},
	}
}

const expectsSize = "a size such as 16k or 1m"

// BufferingAsk is what an Ingress says of bodies that are held.
type BufferingAsk struct {
	request, response         bool
	requestMemory, bufferSize int64
	buffers                   int64
	file                      int64
}

// defaultBuffering is ingress-nginx's, but for request.
func defaultBuffering() BufferingAsk {
	return BufferingAsk{requestMemory: 16 << 10, buffers: 4, bufferSize: 4 << 10, file: 1 << 30}
}

// Buffering is what was asked for, nil if bodies are passed on as they come.
func (ask *BufferingAsk) Buffering() *gatelodge.Buffering {
	if !ask.request && !ask.response {
		return nil
	}
	b := &gatelodge.Buffering{Request: ask.request, Response: ask.response}
	if ask.request {
		b.RequestMemory = ask.requestMemory
	}
	if ask.response {
		b.ResponseMemory, b.ResponseFile = min(ask.bufferSize, 1<<40)*ask.buffers, ask.file
	}
	return b
}

func setOnOff(field func(*BufferingAsk) *bool) func(*Asked, string) error {
	return func(a *Asked, value string) (err error) {
		*field(&a.Buffering), err = syntax.ParseOnOff(value)
		return err
	}
}

func setSize(field func(*BufferingAsk) *int64) func(*Asked, string) error {
	return func(a *Asked, value string) error {
		size, err := syntax.ParseSize(value)
		if err == nil {
			*field(&a.Buffering) = size
		}
		return err
	}
}

func setBuffers(a *Asked, value string) error {
	n, err := syntax.ParseCount(value, mostCount)
	if err == nil && n == 0 {
		err = errors.New("is too small")
	}
	if err == nil {
		a.Buffering.buffers = n
	}
	return err
}

// checkSize is for what changes nothing here.
func checkSize(_ *Asked, value string) error {
	_, err := syntax.ParseSize(value)
	return err
}

func checkHTTPVersion(_ *Asked, value string) error {
	switch value {
	case "1.1":
		return nil
	case "1.0":
		return errors.New("is not spoken with backends")
	}
	return errors.New("is not a version of HTTP")
}

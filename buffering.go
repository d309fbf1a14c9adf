package gatelodge

import (
	"fmt"
	"strings"
)

// Buffering says which bodies are held by the gateway, so that a slow client keeps
// no endpoint busy. Nil: bodies are passed on as they come.
type Buffering struct {
	Request       bool  // the endpoint gets a request once all of its body has come
	RequestMemory int64 // bytes of such a body in memory; the rest is in a file

	Response       bool  // the endpoint's answer is taken as fast as it comes
	ResponseMemory int64 // bytes of it, beyond what the client has taken, in memory
	ResponseFile   int64 // and further ones in a file; 0: none
}

// String lists what is asked for.
func (b *Buffering) String() string {
	var t strings.Builder
	if b.Request {
		fmt.Fprintf(&t, " request-buffering=%d", b.RequestMemory)
	}
	if b.Response {
		fmt.Fprintf(&t, " response-buffering=%d+%d", b.ResponseMemory, b.ResponseFile)
	}
	return t.String()
}

// Buffers bound what all bodies that are held take together.
type Buffers struct {
	Memory int64   // bytes
	Disk   int64   // bytes of files
	Share  float64 // what the routes of one namespace may have of each, from 0 to 1
}

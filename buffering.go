package gatelodge

import (
	"fmt"
	"strings"
)

// Buffering says which bodies the gateway buffers, so that a slow client does not
// keep an endpoint busy. Nil: bodies are streamed.
type Buffering struct {
	Request       bool  // send the request to the endpoint once its whole body has arrived
	RequestMemory int64 // bytes of a request body kept in memory; the rest goes to a file

	Response       bool  // read the endpoint's response as fast as it arrives
	ResponseMemory int64 // bytes of a response kept in memory, beyond what the client has taken
	ResponseFile   int64 // further bytes kept in a file; 0: none
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

// Buffers bound the memory and disk that all buffered bodies take together.
type Buffers struct {
	Memory int64   // in bytes
	Disk   int64   // bytes in files
	Share  float64 // the part of each that the routes of one namespace may use, 0 to 1
}

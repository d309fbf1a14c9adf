package http1

import "sync"

// bufferSize is the most that is read or written by one system call. Pages of
// a buffer that are not touched cost nothing, so small messages stay small.
const bufferSize = 32 << 10

type buffer [bufferSize]byte

// buffers is shared by all connections, since each holds one only for as long
// as there is something in it. Like the pools of requests and answers it is a
// cache in front of the allocator, not state.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

func takeBuffer() *buffer  { return buffers.Get().(*buffer) }
func giveBuffer(b *buffer) { buffers.Put(b) }

// keptHead is how much of a long head's memory a pooled request or answer
// keeps for the next one.
const keptHead = 8 << 10

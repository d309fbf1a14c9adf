package wire

import "sync"

// BufferSize is the maximum that one system call reads or writes. Unused pages of a
// buffer cost nothing, so small messages stay small.
const BufferSize = 32 << 10

// Buffer is memory for reading and writing.
type Buffer [BufferSize]byte

// buffers is shared by all connections, because each has one only while it contains
// something. Like the pools of requests and answers it is a cache in front of the
// allocator, not state.
var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// TakeBuffer returns a buffer with arbitrary content.
func TakeBuffer() *Buffer { return buffers.Get().(*Buffer) }

// GiveBuffer returns a buffer that is not used any more.
func GiveBuffer(b *Buffer) { buffers.Put(b) }

// KeptHead is how much of a long head's memory, in bytes, a pooled request or
// answer keeps for the next one.
const KeptHead = 8 << 10

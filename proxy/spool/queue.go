package spool

import (
	"io"
	"sync"

	"gatelodge.dev/proxy/wire"
)

// Queue is a body between one goroutine, which writes it as fast as it can, and
// another, which reads it as fast as it can. Unread bytes are in memory and then in a
// file; when both are full, the writer waits.
type Queue struct {
	account  Account
	inMemory int   // limit of buffers
	inFile   int64 // limit of bytes in the file

	mu      sync.Mutex
	changed sync.Cond // of mu
	parts   []part    // written parts, the oldest first, before all in file
	free    []*wire.Buffer
	buffers int // in parts, in free, and with the reader
	file    file
	at      int64 // how much of the file was read
	spilled bool  // the file was used
	ended   bool  // by the writer
	broken  error // by the reader
}

type part struct {
	buffer *wire.Buffer
	b      []byte
}

// NewQueue returns an empty queue, nil if there is no memory at all for one.
func NewQueue(account Account, inMemory, inFile int64) *Queue {
	first := account.buffer()
	if first == nil {
		return nil
	}
	q := &Queue{account: account, inMemory: int(min((inMemory+wire.BufferSize-1)/wire.BufferSize, 1<<20)), inFile: inFile}
	q.changed.L = &q.mu
	q.free, q.buffers = append(q.free, first), 1
	return q
}

// TryWrite writes as much of p as there is room for, and returns how much.
func (q *Queue) TryWrite(p []byte) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.put(p)
}

// Write writes p, and waits for room. It returns the error of Break.
func (q *Queue) Write(p []byte) (written int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.broken != nil {
			return written, q.broken
		}
		written += q.put(p[written:])
		if written == len(p) {
			return written, nil
		}
		q.changed.Wait()
	}
}

func (q *Queue) put(p []byte) (n int) {
	for n < len(p) {
		rest := p[n:]
		if q.at < q.file.size {
			n += q.spill(rest)
			break
		}
		if last := len(q.parts) - 1; last >= 0 && len(q.parts[last].b) < cap(q.parts[last].b) {
			b := &q.parts[last].b
			added := min(len(rest), cap(*b)-len(*b))
			*b = append(*b, rest[:added]...)
			n += added
			continue
		}
		buffer := q.take()
		if buffer == nil {
			n += q.spill(rest)
			break
		}
		q.parts = append(q.parts, part{buffer, buffer[:0]})
	}
	if n > 0 {
		q.changed.Broadcast()
	}
	return n
}

// take returns an empty buffer, nil if the queue may have no more.
func (q *Queue) take() *wire.Buffer {
	if n := len(q.free); n > 0 {
		buffer := q.free[n-1]
		q.free = q.free[:n-1]
		return buffer
	}
	if q.buffers >= q.inMemory {
		return nil
	}
	buffer := q.account.buffer()
	if buffer != nil {
		q.buffers++
	}
	return buffer
}

// spill writes p to the file, if it fits, and returns how much it wrote.
func (q *Queue) spill(p []byte) int {
	if q.file.size+int64(len(p)) > q.inFile || q.file.append(&q.account, p) != nil {
		return 0
	}
	q.spilled = true
	return len(p)
}

// End records that nothing more will be written.
func (q *Queue) End() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.changed.Broadcast()
}

// Break makes further writes fail.
func (q *Queue) Break(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.broken = err
	q.changed.Broadcast()
}

// Copy writes everything from the queue to to, until End. It flushes to before it
// waits. An error is that of to, which the writer gets as well.
func (q *Queue) Copy(to interface {
	io.Writer
	Flush() error
}) error {
	for {
		p, ended, err := q.next()
		switch {
		case err == nil && ended:
			return nil
		case err == nil && p.b != nil:
			_, err = to.Write(p.b)
			q.give(p)
		case err == nil:
			if err = to.Flush(); err == nil {
				q.await()
			}
		}
		if err != nil {
			q.Break(err)
			return err
		}
	}
}

// next returns the oldest unread part, and reports whether all of it was read.
func (q *Queue) next() (p part, ended bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.parts) > 0 {
		p = q.parts[0]
		q.parts = append(q.parts[:0], q.parts[1:]...)
		return p, false, nil
	}
	left := q.file.size - q.at
	if left == 0 {
		return part{}, q.ended, nil
	}
	p.buffer = wire.TakeBuffer()
	p.b = p.buffer[:min(left, wire.BufferSize)]
	if _, err := q.file.f.ReadAt(p.b, q.at); err != nil {
		wire.GiveBuffer(p.buffer)
		return part{}, false, err
	}
	q.buffers++ // give treats it as one of the queue's
	q.account.Store.memory.Force(q.account.Namespace, wire.BufferSize)
	if q.at += int64(len(p.b)); q.at == q.file.size {
		q.at = 0
		return p, false, q.file.empty(&q.account)
	}
	return p, false, nil
}

// give returns a part that was read. The queue keeps one buffer, so that it can always
// continue.
func (q *Queue) give(p part) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.buffers > 1 {
		q.buffers--
		q.account.giveBuffer(p.buffer)
	} else {
		q.free = append(q.free, p.buffer)
	}
	q.changed.Broadcast()
}

// await waits until there is something to read, or no more will come.
func (q *Queue) await() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.parts) == 0 && q.at == q.file.size && !q.ended {
		q.changed.Wait()
	}
}

// Spilled reports whether something was in a file.
func (q *Queue) Spilled() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.spilled
}

// Close returns the memory and the file of the queue, when both sides are done with it.
func (q *Queue) Close() {
	for _, p := range q.parts {
		q.account.giveBuffer(p.buffer)
	}
	for _, b := range q.free {
		q.account.giveBuffer(b)
	}
	q.parts, q.free, q.buffers = nil, nil, 0
	q.file.close(&q.account)
}

// Package spool keeps bodies in memory, and the rest in files that no other process can
// open and that end with the process. The total is limited, and so is the share of a
// namespace. The package does not depend on what the bodies belong to.
package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"gatelodge.dev/proxy/quota"
	"gatelodge.dev/proxy/wire"
)

// ErrFull means that the body does not fit into the remaining room.
var ErrFull = errors.New("the buffers are full")

// Store is shared by all bodies. The zero value is ready for use.
type Store struct {
	memory, disk quota.Quota
}

// Memory and Disk are the bytes in use.
func (s *Store) Memory() int64 { return s.memory.Used() }
func (s *Store) Disk() int64   { return s.disk.Used() }

// Account is a namespace's part of the Store.
type Account struct {
	Store        *Store
	Namespace    string
	Memory, Disk quota.Bounds
}

// buffer returns a buffer, nil if there is no memory left.
func (a *Account) buffer() *wire.Buffer {
	if !a.Store.memory.Take(a.Namespace, wire.BufferSize, a.Memory) {
		return nil
	}
	return wire.TakeBuffer()
}

func (a *Account) giveBuffer(b *wire.Buffer) {
	wire.GiveBuffer(b)
	a.Store.memory.Give(a.Namespace, wire.BufferSize)
}

// file is a file without a name. The zero value is an empty one.
type file struct {
	f    *os.File // nil: it is not open
	size int64    // reserved from the Account
}

// append writes p at the end.
func (f *file) append(a *Account, p []byte) error {
	if !a.Store.disk.Take(a.Namespace, int64(len(p)), a.Disk) {
		return ErrFull
	}
	if err := f.write(p); err != nil {
		a.Store.disk.Give(a.Namespace, int64(len(p)))
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	f.size += int64(len(p))
	return nil
}

func (f *file) write(p []byte) error {
	if f.f == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	_, err := f.f.WriteAt(p, f.size)
	return err
}

// open makes the file in the folder for temporary files ($TMPDIR). Its name is
// removed at once, so that it ends when it is closed, or with the process.
func (f *file) open() error {
	made, err := os.CreateTemp("", "gatelodge-body-")
	if err != nil {
		return err
	}
	f.f = made
	return os.Remove(made.Name())
}

// empty returns everything that the file uses.
func (f *file) empty(a *Account) error {
	a.Store.disk.Give(a.Namespace, f.size)
	f.size = 0
	return f.f.Truncate(0)
}

func (f *file) close(a *Account) {
	a.Store.disk.Give(a.Namespace, f.size)
	if f.f != nil {
		_ = f.f.Close() // the content is not needed any more
	}
	*f = file{}
}

// Spool is a body that can be read repeatedly once it is filled.
type Spool struct {
	account  Account
	inMemory int // buffers that it may have

	parts []*wire.Buffer // all full except the last one
	held  int64          // bytes in them
	file  file           // the rest
	at    int64          // offset of the next Read
}

// New returns an empty body that keeps about this many bytes in memory.
func New(account Account, inMemory int64) *Spool {
	return &Spool{account: account, inMemory: int(min((inMemory+wire.BufferSize-1)/wire.BufferSize, 1<<20))}
}

// Fill reads the body to its end. The error is that of from, or wraps ErrFull.
func (s *Spool) Fill(from io.Reader) error {
	for {
		room := s.room()
		if room == nil {
			return s.fillFile(from)
		}
		n, err := from.Read(room)
		s.held += int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// room returns the next free memory, nil if there is none.
func (s *Spool) room() []byte {
	used := s.held % wire.BufferSize
	if used == 0 && s.held == int64(len(s.parts))*wire.BufferSize {
		if len(s.parts) >= s.inMemory {
			return nil
		}
		buffer := s.account.buffer()
		if buffer == nil {
			return nil
		}
		s.parts = append(s.parts, buffer)
	}
	return s.parts[len(s.parts)-1][used:]
}

func (s *Spool) fillFile(from io.Reader) error {
	buffer := wire.TakeBuffer()
	defer wire.GiveBuffer(buffer)
	for {
		n, err := from.Read(buffer[:])
		if n > 0 {
			if err := s.file.append(&s.account, buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Size returns the length of the body in bytes.
func (s *Spool) Size() int64 { return s.held + s.file.size }

// InFile reports whether a part of the body is in a file.
func (s *Spool) InFile() bool { return s.file.size > 0 }

// Left returns how many bytes Read has not returned yet.
func (s *Spool) Left() int64 { return s.Size() - s.at }

// Rewind makes Read start again.
func (s *Spool) Rewind() { s.at = 0 }

// Read continues reading.
func (s *Spool) Read(p []byte) (n int, err error) {
	switch {
	case s.at < s.held:
		part := s.parts[s.at/wire.BufferSize]
		end := min(s.held-s.at/wire.BufferSize*wire.BufferSize, wire.BufferSize)
		n = copy(p, part[s.at%wire.BufferSize:end])
	case s.at < s.Size():
		p = p[:min(int64(len(p)), s.Size()-s.at)]
		n, err = s.file.f.ReadAt(p, s.at-s.held)
		if err != nil {
			return n, fmt.Errorf("reading a body from its file: %w", err)
		}
	default:
		return 0, io.EOF
	}
	s.at += int64(n)
	return n, nil
}

// Close returns the memory and the file of the body.
func (s *Spool) Close() {
	for _, part := range s.parts {
		s.account.giveBuffer(part)
	}
	s.parts, s.held, s.at = nil, 0, 0
	s.file.close(&s.account)
}

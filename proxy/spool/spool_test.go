package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"gatelodge.dev/proxy/quota"
	"gatelodge.dev/proxy/wire"
)

func account(memory, disk int64) Account {
	return Account{Store: new(Store), Namespace: "shop", Memory: quota.Bounds{All: memory, Each: memory}, Disk: quota.Bounds{All: disk, Each: disk}}
}

// someBytes are n bytes that follow from n.
func someBytes(n int) []byte {
	random := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, n)
	_, _ = random.Read(b) // never fails
	return b
}

// TestSpool: what was filled in is read again and again, wherever it is.
func TestSpool(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, size := range []int{0, 1, wire.BufferSize - 1, wire.BufferSize, wire.BufferSize + 1, 3 * wire.BufferSize, 10*wire.BufferSize + 7} {
		for _, inMemory := range []int64{0, 1, wire.BufferSize, 4 * wire.BufferSize} {
			for name, memory := range map[string]int64{"enough": 1 << 20, "one buffer": wire.BufferSize, "none": 0} {
				a, want := account(memory, 1<<20), someBytes(size)
				s := New(a, inMemory)
				if err := s.Fill(iotest.HalfReader(bytes.NewReader(want))); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					got, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(s, 100)))
					if err == nil {
						var rest []byte
						rest, err = io.ReadAll(s)
						got = append(got, rest...)
					}
					if err != nil || !bytes.Equal(got, want) || s.Left() != 0 || s.Size() != int64(size) {
						t.Errorf("%d bytes, %d in memory of %s: %d bytes, %v", size, inMemory, name, len(got), err)
					}
					s.Rewind()
				}
				if taken := a.Store.Memory(); taken > max(inMemory+wire.BufferSize-1, memory) {
					t.Errorf("%d bytes of memory for %d", taken, inMemory)
				}
				s.Close()
				if a.Store.Memory() != 0 || a.Store.Disk() != 0 {
					t.Errorf("left over: %d and %d bytes", a.Store.Memory(), a.Store.Disk())
				}
			}
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// TestSpoolIsBounded: what does not fit is refused, and gives back what it took.
func TestSpoolIsBounded(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	a := account(2*wire.BufferSize, 100_000)
	fits := int64(2*wire.BufferSize + 100_000)
	for size, want := range map[int64]error{fits: nil, fits + 1: ErrFull} {
		s := New(a, 1<<20)
		if err := s.Fill(bytes.NewReader(someBytes(int(size)))); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", size, err)
		}
		s.Close()
		if a.Store.Memory() != 0 || a.Store.Disk() != 0 {
			t.Errorf("left over: %d and %d bytes", a.Store.Memory(), a.Store.Disk())
		}
	}
}

// TestSpoolWithoutFolder: where files can't be made, memory is all there is.
func TestSpoolWithoutFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	a := account(2*wire.BufferSize, 1<<20)
	s := New(a, wire.BufferSize)
	if err := s.Fill(bytes.NewReader(someBytes(wire.BufferSize))); err != nil {
		t.Error(err)
	}
	s.Close()
	s = New(a, wire.BufferSize)
	if err := s.Fill(bytes.NewReader(someBytes(wire.BufferSize + 1))); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v", err)
	}
	s.Close()
	if a.Store.Memory() != 0 || a.Store.Disk() != 0 {
		t.Errorf("left over: %d and %d bytes", a.Store.Memory(), a.Store.Disk())
	}
}

// slowly is a writer that has others run before each write.
type slowly struct {
	bytes.Buffer
	before  func()
	flushed int
}

func (s *slowly) Write(p []byte) (int, error) {
	s.before()
	return s.Buffer.Write(p)
}

func (s *slowly) Flush() error {
	s.flushed++
	return nil
}

// TestQueue: everything arrives in order, however much of it has to wait and where,
// and however the two sides take turns.
func TestQueue(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		a := account(int64(1+random.IntN(4))*wire.BufferSize, random.Int64N(300_000))
		inMemory, inFile := random.Int64N(4*wire.BufferSize), random.Int64N(400_000)
		want := someBytes(random.IntN(2 << 20))
		q := NewQueue(a, inMemory, inFile)
		turns := make(chan struct{}, random.IntN(4))
		to := &slowly{before: func() {
			select {
			case <-turns:
			default:
			}
		}}
		done := make(chan error, 1)
		rest := want[q.TryWrite(want):]
		go func() { done <- q.Copy(to) }()
		for len(rest) > 0 {
			n := min(len(rest), 1+random.IntN(50_000))
			if _, err := q.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			select {
			case turns <- struct{}{}:
			default:
			}
			rest = rest[n:]
		}
		q.End()
		if err := <-done; err != nil || !bytes.Equal(to.Bytes(), want) {
			t.Errorf("seed %d: %d of %d bytes, %v", seed, to.Len(), len(want), err)
		}
		q.Close()
		if a.Store.Memory() != 0 || a.Store.Disk() != 0 {
			t.Errorf("seed %d: left over: %d and %d bytes", seed, a.Store.Memory(), a.Store.Disk())
		}
	}
}

// TestQueueHolds as much as it may, and then the writer waits.
func TestQueueHolds(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	a := account(1<<20, 1<<20)
	q := NewQueue(a, 2*wire.BufferSize, 3*wire.BufferSize)
	held := 0
	for range 10 {
		held += q.TryWrite(someBytes(wire.BufferSize))
	}
	if held != 5*wire.BufferSize || !q.Spilled() || a.Store.Disk() != 3*wire.BufferSize {
		t.Errorf("it holds %d bytes, %d of them in a file", held, a.Store.Disk())
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := q.Write([]byte("more"))
		wrote <- err
	}()
	gone := errors.New("the client is gone")
	q.Break(gone)
	if err := <-wrote; err != gone {
		t.Errorf("a writer that waits gets %v", err)
	}
	q.Close()
	if a.Store.Memory() != 0 || a.Store.Disk() != 0 {
		t.Errorf("left over: %d and %d bytes", a.Store.Memory(), a.Store.Disk())
	}
}

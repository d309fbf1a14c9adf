package http2

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestQueue compares the queue with one piece of memory, whatever comes in
// whatever pieces, and is read or taken.
func TestQueue(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var q queue
	var want, lent []byte
	var taken part
	next := byte(0)
	for range 20_000 {
		switch random.IntN(5) {
		case 0, 1:
			p := make([]byte, random.IntN([]int{10, 5000, 40_000}[random.IntN(3)]))
			for i := range p {
				p[i] = next
				next++
			}
			q.put(p)
			want = append(want, p...)
		case 2, 3:
			p := make([]byte, random.IntN(50_000))
			n := q.read(p)
			if n != min(len(p), len(want)) || !bytes.Equal(p[:n], want[:n]) {
				t.Fatalf("read %d of %d bytes, which are not those put", n, len(want))
			}
			want = want[n:]
		case 4:
			if !bytes.Equal(taken.b, lent) {
				t.Fatal("a part changed before it was given back")
			}
			q.give(taken)
			taken, lent = part{}, nil
			if q.size > 0 {
				taken = q.take()
				lent = bytes.Clone(taken.b)
				if !bytes.HasPrefix(want, lent) {
					t.Fatal("took what was not put")
				}
				want = want[len(lent):]
			}
		}
		if q.size != len(want) {
			t.Fatalf("the queue has %d bytes, want %d", q.size, len(want))
		}
	}
}

package coding

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/wire"
)

// decoder returns what reads a body in a coding.
func decoder(t *testing.T, coding gatelodge.Coding, from io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case gatelodge.Brotli:
		return brotli.NewReader(from)
	case gatelodge.Zstd:
		r, err := zstd.NewReader(from, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	}
	r, err := gzip.NewReader(from)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// someText is text that compresses as usual text does.
func someText(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"alpha", "customer", "invoice", "address", "true", "warehouse"}
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"%s":"%s %d"},`, words[random.IntN(6)], words[random.IntN(6)], random.IntN(1e5))
	}
	return b.Bytes()[:n]
}

var allLevels = func() (all []gatelodge.CompressionLevels) {
	for level := 1; level <= 9; level++ {
		all = append(all, gatelodge.CompressionLevels{Gzip: level, Brotli: min(level, 6), Zstd: level, Memory: 1 << 30})
	}
	return all
}()

// TestEncoders: at each level what was written comes out, an encoder that is used
// again knows nothing of the body before, and after Flush all can be read.
func TestEncoders(t *testing.T) {
	text := someText(200_000)
	var pool Pool
	for _, levels := range allLevels {
		for _, coding := range gatelodge.AllCodings() {
			abandoned := pool.Take(coding, &levels, "shop", io.Discard)
			_, _ = abandoned.Write([]byte("a secret of another answer"))
			abandoned.Release()

			var sent bytes.Buffer
			e := pool.Take(coding, &levels, "shop", &sent)
			if _, err := e.Write(text[:1000]); err != nil {
				t.Fatal(err)
			}
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 1000)
			if _, err := io.ReadFull(decoder(t, coding, bytes.NewReader(sent.Bytes())), first); err != nil || !bytes.Equal(first, text[:1000]) {
				t.Errorf("%s %+v: after Flush: %v", coding, levels, err)
			}
			if _, err := e.Write(text[1000:]); err != nil {
				t.Fatal(err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			e.Release()
			got, err := io.ReadAll(decoder(t, coding, &sent))
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s %+v: %d bytes, %v", coding, levels, len(got), err)
			}
		}
	}
	if used := pool.Memory(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
}

// TestEncodersAreBounded, in all and for a namespace.
func TestEncodersAreBounded(t *testing.T) {
	levels := gatelodge.CompressionLevels{Gzip: 1, Memory: 6 << 20}
	var pool Pool
	take := func(namespace string) *Encoder { return pool.Take(gatelodge.Gzip, &levels, namespace, io.Discard) }
	a, b := take("a"), take("a")
	if a == nil || b == nil || take("a") != nil {
		t.Error("a namespace can have half of 6 MiB: two encoders")
	}
	c, d := take("b"), take("c")
	if c == nil || d == nil || take("d") != nil {
		t.Error("there are four in all")
	}
	a.Release()
	if take("d") == nil {
		t.Error("one was given back")
	}
}

// TestMemoryOfEncoders: they take no more than they count for.
func TestMemoryOfEncoders(t *testing.T) {
	text := someText(512 << 10)
	const n = 3
	for _, levels := range allLevels {
		for _, coding := range gatelodge.AllCodings() {
			k := kindOf(coding, &levels)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			var made [n]writer
			for i := range made {
				made[i] = k.make()
				made[i].Reset(io.Discard)
				for part := range slices.Chunk(text, wire.BufferSize) {
					_, _ = made[i].Write(part)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
			if each > k.memory() {
				t.Errorf("%s at level %d takes %d KiB, and counts for %d", coding, k.level, each>>10, k.memory()>>10)
			}
			runtime.KeepAlive(&made)
		}
	}
}

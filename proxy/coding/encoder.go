// Package coding implements the content codings for compressed answers (RFC 9110 §8.4):
// the choice of a coding for a client, and reused encoders in limited memory. It does
// not decide which answers are compressed.
package coding

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/quota"
)

// writer is the common interface of the encoders.
type writer interface {
	io.WriteCloser
	Flush() error // what was written so far can be decoded
	Reset(to io.Writer)
}

// Encoder compresses one body. Close ends the body; Release returns the Encoder, even
// without Close.
type Encoder struct {
	writer
	kind      kind
	pool      *Pool
	namespace string
}

// kind is a coding at a level.
type kind struct {
	coding gatelodge.Coding
	level  int
}

// Pool keeps encoders that are not in use. The zero value is ready for use.
type Pool struct {
	memory quota.Quota

	mu    sync.Mutex // guards kinds
	kinds map[kind]*sync.Pool
}

// The largest window of Brotli, as a power of two, and of Zstandard, in bytes. All
// browsers take these (RFC 9659 has 8 MiB as the most for Zstandard).
const (
	brotliWindow = 18
	zstdWindow   = 128 << 10
)

// Take returns an encoder that writes to to, or nil if there is no memory for one. A
// namespace may have half of the memory, so that the rest is left for others.
func (p *Pool) Take(coding gatelodge.Coding, levels *gatelodge.CompressionLevels, namespace string, to io.Writer) *Encoder {
	k := kindOf(coding, levels)
	if !p.memory.Take(namespace, k.memory(), quota.Bounds{All: levels.Memory, Each: levels.Memory / 2}) {
		return nil
	}
	e, _ := p.of(k).Get().(*Encoder)
	if e == nil {
		e = &Encoder{writer: k.make(), kind: k, pool: p}
	}
	e.namespace = namespace
	e.Reset(to)
	return e
}

// Release returns the encoder to the pool; its body may be incomplete.
func (e *Encoder) Release() {
	e.Reset(io.Discard) // keeps nothing of the answer
	e.pool.memory.Give(e.namespace, e.kind.memory())
	e.namespace = ""
	e.pool.of(e.kind).Put(e)
}

// Memory returns the estimated memory of the encoders in use.
func (p *Pool) Memory() int64 { return p.memory.Used() }

func (p *Pool) of(k kind) *sync.Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	pool := p.kinds[k]
	if pool == nil {
		if p.kinds == nil {
			p.kinds = make(map[kind]*sync.Pool)
		}
		pool = new(sync.Pool)
		p.kinds[k] = pool
	}
	return pool
}

func kindOf(coding gatelodge.Coding, levels *gatelodge.CompressionLevels) kind {
	switch coding {
	case gatelodge.Brotli:
		return kind{coding, levels.Brotli}
	case gatelodge.Zstd:
		return kind{coding, levels.Zstd}
	}
	return kind{gatelodge.Gzip, levels.Gzip}
}

// memory returns the memory of an encoder, as measured by TestMemoryOfEncoders and
// rounded up.
func (k kind) memory() int64 {
	switch {
	case k.coding == gatelodge.Gzip, k.coding == gatelodge.Zstd && k.level < 3, k.coding == gatelodge.Brotli && k.level < 4:
		return 3 << 19
	case k.coding == gatelodge.Zstd && k.level < 6:
		return 3 << 20
	}
	return 6 << 20
}

func (k kind) make() writer {
	switch k.coding {
	case gatelodge.Brotli:
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: k.level, LGWin: brotliWindow})
	case gatelodge.Zstd:
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true),
			zstd.WithWindowSize(zstdWindow), zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(k.level)))
		if err != nil {
			panic(err) // of options that are constant, and levels that were validated
		}
		return w
	}
	w, err := gzip.NewWriterLevel(nil, k.level)
	if err != nil {
		panic(err)
	}
	return w
}

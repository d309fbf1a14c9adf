package versions

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"hash/fnv"
	"io"
	"slices"
	"strconv"
	"time"

	gatelodge "gatelodge.dev"
)

// digest is a hash of the whole content of a zone, which is updated at the cost of what
// changed. It is immutable.
//
// The names are divided into chunks, in their order: a chunk begins at each name whose
// own hash says so. That depends on nothing else, so replicas divide the same content
// in the same way, however they got it. The hash of the zone is that of its chunks'
// hashes.
type digest struct {
	of     *gatelodge.Zone
	chunks []chunk
}

type chunk struct {
	start gatelodge.Name // "" of the first
	sum   [sha256.Size]byte
}

// chunkNames is the average number of names in a chunk.
const chunkNames = 64

func beginsChunk(name gatelodge.Name) bool {
	h := fnv.New32a()
	io.WriteString(h, string(name))
	return h.Sum32()%chunkNames == 0
}

// digestOf returns the digest of a zone. last, which may be nil, is the digest of a
// zone with shared nodes.
func digestOf(z *gatelodge.Zone, last *digest) *digest {
	if last == nil {
		last = &digest{of: &gatelodge.Zone{}, chunks: []chunk{{}}}
	}
	next := &digest{of: z, chunks: make([]chunk, 0, len(last.chunks))}
	stale := last.stale(z)
	for i := 0; i < len(last.chunks); i++ {
		if !stale[i] {
			next.chunks = append(next.chunks, last.chunks[i])
			continue
		}
		first := last.chunks[i].start
		for i+1 < len(last.chunks) && stale[i+1] {
			i++
		}
		var end gatelodge.Name
		if i+1 < len(last.chunks) {
			end = last.chunks[i+1].start
		}
		next.add(first, end)
	}
	return next
}

// stale reports which chunks differ in z.
func (d *digest) stale(z *gatelodge.Zone) []bool {
	stale := make([]bool, len(d.chunks))
	stale[0] = d.of.Nodes.Len() == 0
	for name := range z.Nodes.Changes(d.of.Nodes) {
		i, begins := slices.BinarySearchFunc(d.chunks[1:], name, func(c chunk, name gatelodge.Name) int { return c.start.Compare(name) })
		if begins {
			stale[i+1] = true // the previous one grows if the name is gone
		}
		stale[i] = true
	}
	return stale
}

// add appends the chunks of names from first on, "" for the first of all, up to end,
// "" for the last.
func (d *digest) add(first, end gatelodge.Name) {
	names := d.of.Nodes.From(first)
	if first == "" {
		names = d.of.Nodes.All()
	}
	h, at := sha256.New(), first
	finish := func() {
		c := chunk{start: at}
		h.Sum(c.sum[:0])
		d.chunks = append(d.chunks, c)
		h.Reset()
	}
	for name, n := range names {
		if name == end {
			break
		}
		if name != first && beginsChunk(name) {
			finish()
			at = name
		}
		line(h, string(name))
		for _, r := range canonical(n).Records {
			line(h, r.Type, seconds(r.TTL), r.Data)
		}
	}
	finish()
}

// String is the hash, in hexadecimal digits.
func (d *digest) String() string {
	z, h := d.of, sha256.New()
	line(h, string(z.Name), string(z.Primary), z.Hostmaster, seconds(z.TTL), seconds(z.NegativeTTL))
	for i := range d.chunks {
		h.Write(d.chunks[i].sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// line hashes fields unambiguously.
func line(h hash.Hash, fields ...string) {
	var size [20]byte
	for _, field := range fields {
		h.Write(append(strconv.AppendInt(size[:0], int64(len(field)), 10), ' '))
		io.WriteString(h, field)
	}
	h.Write([]byte{'\n'})
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

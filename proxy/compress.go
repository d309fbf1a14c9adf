package proxy

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/coding"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// compress compresses the answer if its head allows that and the client accepts it.
// gRPC has its own compression.
func compress(p *gatelodge.Policy) step {
	c := p.Compression
	if c == nil {
		return nil
	}
	return func(r *request) *answer {
		if !isGRPC(r.x.Header) {
			h := r.hold()
			h.compressor = compressor{Response: r.x.Response, r: r, policy: c}
			r.x.Response = &h.compressor
		}
		return nil
	}
}

// compressor is a response with a compressed body. It holds nothing back when an
// endpoint pauses: Flush also flushes the encoder.
type compressor struct {
	exchange.Response
	r      *request
	policy *gatelodge.Compression

	coding  gatelodge.Coding // of this answer; "": not compressed
	encoder *coding.Encoder  // nil before the first Write, and after the last
	dirty   bool             // something was written since the last Flush
	failed  error            // from the client
	in, out int64            // bytes of the body before and after

	memory *wire.Buffer // start of the encoder's output; nil: there is none
	made   []byte
}

// Head decides whether the answer is compressed.
func (c *compressor) Head(status int, header exchange.Fields, length int64) error {
	c.coding = ""
	if !c.compressible(status, header, length) {
		return c.Response.Head(status, c.confirmed(status, header), length)
	}
	own := append(make(exchange.Fields, 0, len(header)+2), header...)
	varyByCoding(&own)
	chosen := coding.Choose(c.r.x.Header, c.policy.Codings)
	if chosen == "" || c.r.x.Method == "HEAD" || !c.begin(chosen) {
		return c.Response.Head(status, own, length)
	}
	own.Set("content-encoding", string(chosen))
	own.Del("accept-ranges") // ranges would refer to another representation
	weaken(own)
	err := c.Response.Head(status, own, -1)
	if err != nil { // another endpoint may be tried
		c.encoder.Release()
		c.encoder, c.coding = nil, ""
	}
	return err
}

// compressible reports whether an answer may be compressed for a client that accepts
// it. It may not if its fields would become wrong.
func (c *compressor) compressible(status int, header exchange.Fields, length int64) bool {
	if wire.Bodyless(status) || status == 206 || length >= 0 && length < max(1, c.policy.MinBytes) || !transformable(c.r.x.Header) {
		return false
	}
	for i := range header {
		switch header[i].Name {
		case "content-encoding", "content-range", "content-md5", "content-digest", "repr-digest", "digest":
			return false
		}
	}
	kind := header.Get("content-type")
	return transformable(header) && !strings.HasPrefix(kind, "application/grpc") && c.policy.Types.Match(kind)
}

// transformable reports whether Cache-Control allows another form of the content
// (RFC 9111 §5.2.1.6, §5.2.2.6).
func transformable(header exchange.Fields) bool {
	for i := range header {
		if header[i].Name == "cache-control" && hasItem(header[i].Value, "no-transform") {
			return false
		}
	}
	return true
}

// begin takes an encoder, and reports whether there was enough memory.
func (c *compressor) begin(chosen gatelodge.Coding) bool {
	s := c.r.server
	c.encoder = s.encoders.Take(chosen, &c.r.table.settings.Compression, c.r.route.source.Object.Namespace, (*madeBytes)(c))
	if c.encoder == nil {
		c.r.series().compressed("none", 0, 0)
		return false
	}
	c.coding = chosen
	return true
}

// varyByCoding tells caches that the answer depends on Accept-Encoding (RFC 9110
// §12.5.5).
func varyByCoding(header *exchange.Fields) {
	first := -1
	for i, f := range *header {
		if f.Name != "vary" {
			continue
		}
		if hasItem(f.Value, "accept-encoding") || hasItem(f.Value, "*") {
			return
		}
		if first < 0 {
			first = i
		}
	}
	if first < 0 {
		header.Add("vary", "Accept-Encoding")
		return
	}
	(*header)[first].Value += ", Accept-Encoding"
}

// weaken makes the entity tag a weak one, because the bytes differ from those that the
// endpoint has tagged, but the meaning does not (RFC 9110 §8.8.1).
func weaken(header exchange.Fields) {
	for i := range header {
		if f := &header[i]; f.Name == "etag" && strings.HasPrefix(f.Value, `"`) {
			f.Value = "W/" + f.Value
		}
	}
}

// confirmed returns the fields of an answer that is not compressed. The tag of a 304 is
// weakened like that of the answer, so that the client's cache finds the answer (RFC
// 9111 §4.3.4).
func (c *compressor) confirmed(status int, header exchange.Fields) exchange.Fields {
	if tag := header.Get("etag"); status != 304 || !strings.HasPrefix(tag, `"`) || !strings.Contains(c.r.x.Header.Get("if-none-match"), "W/"+tag) {
		return header
	}
	own := slices.Clone(header)
	varyByCoding(&own)
	weaken(own)
	return own
}

// hasItem reports whether a list contains item, which is in lower case.
func hasItem(list, item string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.Trim(one, " \t"), item) {
			return true
		}
	}
	return false
}

// Write compresses p.
func (c *compressor) Write(p []byte) (int, error) {
	if c.coding == "" {
		return c.Response.Write(p)
	}
	if c.failed != nil || len(p) == 0 {
		return 0, c.failed
	}
	c.in += int64(len(p))
	c.dirty = true
	n, err := c.encoder.Write(p)
	return n, c.check(err)
}

// Flush sends everything written so far in a form that can be decoded.
func (c *compressor) Flush() error {
	if c.dirty && c.failed == nil {
		c.dirty = false
		if c.check(c.encoder.Flush()) == nil {
			c.send()
		}
	}
	if c.failed != nil {
		return c.failed
	}
	return c.Response.Flush()
}

// Trailers ends the body first.
func (c *compressor) Trailers(trailers exchange.Fields) error {
	if err := c.finish(); err != nil {
		return err
	}
	return c.Response.Trailers(trailers)
}

// finish ends the body, once.
func (c *compressor) finish() error {
	if c.encoder == nil {
		return c.failed
	}
	if c.failed == nil && c.check(c.encoder.Close()) == nil {
		c.send()
	}
	c.release()
	return c.failed
}

// release returns the memory of the compressor, also after an aborted answer.
func (c *compressor) release() {
	if c.memory != nil {
		wire.GiveBuffer(c.memory)
		c.memory, c.made = nil, nil
	}
	if c.encoder != nil {
		c.encoder.Release()
		c.encoder = nil
		c.r.series().compressed(string(c.coding), c.in, c.out)
	}
}

// check keeps the first error.
func (c *compressor) check(err error) error {
	if c.failed == nil {
		c.failed = err
	}
	return c.failed
}

// send writes the encoder's output to the client.
func (c *compressor) send() {
	if len(c.made) == 0 || c.failed != nil {
		return
	}
	c.out += int64(len(c.made))
	_, c.failed = c.Response.Write(c.made)
	c.made = c.made[:0]
}

// madeBytes collects the encoder's output: encoders write small pieces, which are sent
// together.
type madeBytes compressor

func (m *madeBytes) Write(p []byte) (int, error) {
	c, written := (*compressor)(m), len(p)
	for len(p) > 0 && c.failed == nil {
		if c.memory == nil {
			c.memory = wire.TakeBuffer()
			c.made = c.memory[:0]
		}
		n := min(len(p), cap(c.made)-len(c.made))
		c.made = append(c.made, p[:n]...)
		if p = p[n:]; len(c.made) == cap(c.made) {
			c.send()
		}
	}
	return written, c.failed
}

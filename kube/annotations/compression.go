package annotations

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

func compressionRows() []row {
	return []row{
		{"compression", `"on", "off", or some of zstd, br and gzip, the preferred one first`, setCompression, false,
			"Compress answers for clients that take it ([compression.md](compression.md)); by default as the configuration's `compression` says, which is `off`.", ""},
		{"compression-types", "media types such as text/html, text/* or *", setCompressionTypes, false,
			"Which answers; by default the [usual ones](compression.md#which-answers).", ""},
		{"compression-min-length", "a size such as 256 or 1k", setCompressionMinLength, false,
			"Answers that are known to be shorter are sent as they are; by default 256.", ""},
	}
}

// CompressionAsk is what an Ingress says of the compression of answers.
type CompressionAsk struct {
	codings  []gatelodge.Coding // if set
	set      bool
	types    gatelodge.MediaTypes // nil: not set
	minBytes *int64               // nil: not set
}

// FillIn sets what neither the Ingress nor its class has set.
func (ask *CompressionAsk) FillIn(d *gatelodge.Compression) {
	if !ask.set {
		ask.codings, ask.set = d.Codings, true
	}
	if ask.types == nil {
		ask.types = d.Types
	}
	if ask.minBytes == nil {
		ask.minBytes = &d.MinBytes
	}
}

// Compression is what was asked for, nil if no answer is to be compressed.
func (ask *CompressionAsk) Compression() *gatelodge.Compression {
	if len(ask.codings) == 0 {
		return nil
	}
	return &gatelodge.Compression{Codings: ask.codings, Types: ask.types, MinBytes: *ask.minBytes}
}

func setCompression(a *Asked, value string) error {
	codings, err := gatelodge.ParseCodings(value)
	if err == nil {
		a.Compression.codings, a.Compression.set = codings, true
	}
	return err
}

func setCompressionTypes(a *Asked, value string) error {
	types, err := gatelodge.ParseMediaTypes(value)
	if err == nil {
		a.Compression.types = types
	}
	return err
}

func setCompressionMinLength(a *Asked, value string) error {
	size, err := syntax.ParseSize(value)
	if err == nil {
		a.Compression.minBytes = &size
	}
	return err
}

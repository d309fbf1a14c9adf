package gatelodge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Compression says which answers are compressed for clients that take it. Nil:
// none are.
type Compression struct {
	Codings  []Coding // at least one; of those that a client likes equally the first is used
	Types    MediaTypes
	MinBytes int64 // answers that are known to be shorter are sent as they are
}

// Coding is a content coding (RFC 9110 §8.4.1), by its name in Accept-Encoding.
type Coding string

// The codings that answers are compressed with.
const (
	Gzip   Coding = "gzip"
	Brotli Coding = "br"   // RFC 7932
	Zstd   Coding = "zstd" // RFC 8878
)

// AllCodings are those of compression "on". Zstandard costs a fifth of Brotli, and
// is smaller than gzip.
func AllCodings() []Coding { return []Coding{Zstd, Brotli, Gzip} }

// ParseCodings reads "on", "off", or codings with blanks or commas between them,
// the preferred one first. Off is none.
func ParseCodings(s string) ([]Coding, error) {
	switch s {
	case "on":
		return AllCodings(), nil
	case "off":
		return nil, nil
	}
	var codings []Coding
	for _, word := range listWords(s) {
		coding := Coding(word)
		if word == "brotli" {
			coding = Brotli
		}
		switch {
		case !slices.Contains(AllCodings(), coding):
			return nil, fmt.Errorf("holds %.60q, which is not a coding", word)
		case slices.Contains(codings, coding):
			return nil, fmt.Errorf("holds %s twice", word)
		}
		codings = append(codings, coding)
	}
	if len(codings) == 0 {
		return nil, errors.New("is empty")
	}
	return codings, nil
}

// MediaTypes are media types in lower case without parameters, such as
// "text/html", "text/*" and "*" for all.
type MediaTypes []string

// DefaultCompressedTypes are those that ingress-nginx compresses: those of its
// gzip-types, and text/html, which nginx adds to every list.
func DefaultCompressedTypes() MediaTypes {
	return MediaTypes{
		"text/html", "text/css", "text/javascript", "text/plain", "text/x-component",
		"application/javascript", "application/x-javascript", "application/json", "application/x-web-app-manifest+json",
		"application/xml", "application/xhtml+xml", "application/atom+xml", "application/rss+xml", "application/xml+rss",
		"application/vnd.ms-fontobject", "application/x-font-ttf", "font/opentype", "image/svg+xml", "image/x-icon",
	}
}

// DefaultCompressedBytes is the MinBytes of ingress-nginx: its gzip-min-length.
const DefaultCompressedBytes = 256

// ParseMediaTypes reads types with blanks or commas between them.
func ParseMediaTypes(s string) (MediaTypes, error) {
	var types MediaTypes
	for _, word := range listWords(strings.ToLower(s)) {
		major, minor, found := strings.Cut(word, "/")
		if word != "*" && (!found || !isToken(major) || !isToken(minor) || strings.Contains(major, "*") || minor != "*" && strings.Contains(minor, "*")) {
			return nil, fmt.Errorf("holds %.60q, which is not a media type", word)
		}
		types = append(types, word)
	}
	if len(types) == 0 {
		return nil, errors.New("is empty")
	}
	return types, nil
}

// Match reports whether a Content-Type field is one of the types. An empty one is
// one of all only.
func (m MediaTypes) Match(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	for _, one := range m {
		if major, any := strings.CutSuffix(one, "*"); any && strings.HasPrefix(kind, major) || one == kind {
			return true
		}
	}
	return false
}

// listWords splits a list at blanks and commas.
func listWords(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' })
}

// isToken reports whether s is a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// String lists what is asked for.
func (c *Compression) String() string {
	var b strings.Builder
	b.WriteString(" compression=")
	for i, coding := range c.Codings {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(coding))
	}
	if !slices.Equal(c.Types, DefaultCompressedTypes()) {
		fmt.Fprintf(&b, " compressed-types=%s", strings.Join(c.Types, ","))
	}
	fmt.Fprintf(&b, " compressed-from=%d", c.MinBytes)
	return b.String()
}

// CompressionLevels say how much time is spent on making answers smaller, and
// Memory how much of it all encoders together may take.
type CompressionLevels struct {
	Gzip   int   // 1 to 9
	Brotli int   // 1 to 6: those above need ten times the memory
	Zstd   int   // 1 to 9
	Memory int64 // bytes, by estimate; 0: nothing is compressed
}

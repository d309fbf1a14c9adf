package gatelodge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Compression says which responses are compressed for clients that accept it. Nil:
// none.
type Compression struct {
	Codings  []Coding // at least one; the first wins among those that a client prefers equally
	Types    MediaTypes
	MinBytes int64 // responses known to be shorter are sent uncompressed
}

// Coding is a content coding (RFC 9110 §8.4.1), by its name in Accept-Encoding.
type Coding string

// The supported codings.
const (
	Gzip   Coding = "gzip"
	Brotli Coding = "br"   // RFC 7932
	Zstd   Coding = "zstd" // RFC 8878
)

// AllCodings are the codings that "on" stands for. Zstandard takes a fifth of
// Brotli's CPU time and compresses better than gzip.
func AllCodings() []Coding { return []Coding{Zstd, Brotli, Gzip} }

// ParseCodings parses "on", "off", or codings separated by blanks or commas, in
// order of preference. It returns none for "off".
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

// MediaTypes are media types in lower case without parameters: "text/html",
// "text/*", or "*" for all.
type MediaTypes []string

// DefaultCompressedTypes are the types that ingress-nginx compresses: its
// gzip-types, and text/html, which nginx always adds.
func DefaultCompressedTypes() MediaTypes {
	return MediaTypes{
		"text/html", "text/css", "text/javascript", "text/plain", "text/x-component",
		"application/javascript", "application/x-javascript", "application/json", "application/x-web-app-manifest+json",
		"application/xml", "application/xhtml+xml", "application/atom+xml", "application/rss+xml", "application/xml+rss",
		"application/vnd.ms-fontobject", "application/x-font-ttf", "font/opentype", "image/svg+xml", "image/x-icon",
	}
}

// DefaultCompressedBytes is ingress-nginx's gzip-min-length, the default of MinBytes.
const DefaultCompressedBytes = 256

// ParseMediaTypes parses media types separated by blanks or commas.
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

// Match reports whether a Content-Type value is one of the types. An empty value
// matches "*" only.
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

// String lists the options.
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

// CompressionLevels set how much CPU time is spent on compression, and how much
// memory all encoders together may use.
type CompressionLevels struct {
	Gzip   int   // 1 to 9
	Brotli int   // 1 to 6: higher levels need ten times the memory
	Zstd   int   // 1 to 9
	Memory int64 // bytes, estimated; 0: compression is off
}

package gatelodge

import (
	"slices"
	"testing"
)

func TestParseCodings(t *testing.T) {
	for text, want := range map[string][]Coding{
		"on": {Zstd, Brotli, Gzip}, "off": nil, "gzip": {Gzip}, "br, gzip": {Brotli, Gzip}, "brotli zstd": {Brotli, Zstd},
	} {
		if got, err := ParseCodings(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", " , ", "deflate", "gzip,gzip", "br brotli", "on,gzip", "GZIP"} {
		if got, err := ParseCodings(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	types, err := ParseMediaTypes("text/* application/json, Image/SVG+xml")
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]bool{
		"text/html": true, "TEXT/HTML; charset=utf-8": true, "text": false, "application/json ;x=y": true, "application/jsonx": false,
		"application/octet-stream": false, "image/svg+xml": true, "": false,
	} {
		if types.Match(kind) != want {
			t.Errorf("%q matches: %v", kind, !want)
		}
	}
	if all, err := ParseMediaTypes("*"); err != nil || !all.Match("") || !all.Match("a/b") {
		t.Errorf("* is %v, %v", all, err)
	}
	for _, text := range []string{"", "text", "text/", "/html", "*/*", "te*/x", "text/h*", "text/html;q=1", "a/b/c"} {
		if got, err := ParseMediaTypes(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

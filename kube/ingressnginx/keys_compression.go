package ingressnginx

import (
	"slices"
	"strconv"

	gatelodge "gatelodge.dev"
)

// compressionKeys are about gzip and Brotli, which ingress-nginx configures separately,
// and Gatelodge together.
func compressionKeys() []setting {
	use := func(coding gatelodge.Coding) func(*translation, string) error {
		return func(t *translation, value string) error {
			on, err := parseBool(value)
			if on {
				t.codings = append(t.codings, coding)
			}
			return err
		}
	}
	types := func(t *translation, value string) error {
		found, err := gatelodge.ParseMediaTypes(value)
		if err != nil {
			return errUntranslated("write media types into compression.types")
		}
		t.types = append(t.types, found...)
		return nil
	}
	return []setting{
		{name: "use-gzip", convert: use(gatelodge.Gzip)},
		{name: "enable-brotli", convert: use(gatelodge.Brotli)},
		{name: "gzip-level", convert: number("compression.gzipLevel", 1, 9)},
		{name: "brotli-level", convert: func(t *translation, value string) error {
			const most = 6
			if n, err := strconv.Atoi(value); err == nil && n > most {
				t.set("compression.brotliLevel", strconv.Itoa(most))
				return nil
			}
			return number("compression.brotliLevel", 1, most)(t, value)
		}},
		{name: "gzip-min-length", convert: number("compression.minBytes", 0, 1<<30)},
		{name: "brotli-min-length", convert: only("answers of every coding are compressed from compression.minBytes on", "20", "256")},
		{name: "gzip-types", convert: types},
		{name: "brotli-types", convert: types},
		{name: "gzip-disable", why: "clients say in Accept-Encoding whether they take gzip, and what they call themselves does not matter"},
	}
}

// compress combines the keys: Brotli first, as ingress-nginx chooses for clients that
// accept both, and text/html, which nginx adds to every list.
func (t *translation) compress() {
	if len(t.codings) > 0 {
		slices.Sort(t.codings) // br before gzip
		var names string
		for _, coding := range t.codings {
			names += " " + string(coding)
		}
		t.doc.set("compression.codings", strconv.Quote(names[1:]), "enable-brotli and use-gzip")
	}
	if len(t.types) > 0 {
		types := append(t.types, "text/html")
		slices.Sort(types)
		t.doc.set("compression.types", list(slices.Compact(types)), "gzip-types and brotli-types, and text/html")
	}
}

package ingressnginx

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// document is a configuration in progress: keys with values and their origins.
type document struct {
	entries []entry
}

type entry struct {
	path  []string
	value string // in YAML's flow style
	from  string // a comment; "" for none
}

// order is the order of the keys in docs/configuration.md.
var order = []string{
	"ingress", "listeners", "views", "trust", "timeouts", "limits", "retries", "balancing", "compression", "accessLog", "tracing",
	"redirectHTTPS", "hsts", "serverName", "tls", "drain",
}

// set sets a key, such as "limits.streams". A later value replaces an earlier one.
func (d *document) set(key, value, from string) {
	e := entry{strings.Split(key, "."), value, from}
	for i := range d.entries {
		if slices.Equal(d.entries[i].path, e.path) {
			d.entries[i] = e
			return
		}
	}
	d.entries = append(d.entries, e)
}

func (d *document) has(key string) bool {
	return slices.ContainsFunc(d.entries, func(e entry) bool { return strings.Join(e.path, ".") == key })
}

// write writes the keys as YAML, each with a comment.
func (d *document) write(out io.Writer) {
	entries := slices.Clone(d.entries)
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Compare(slices.Index(order, a.path[0]), slices.Index(order, b.path[0]))
	})
	var open string // the key whose children are being written
	for _, e := range entries {
		indent, key := "", e.path[0]
		if len(e.path) == 2 {
			if open != e.path[0] {
				fmt.Fprintf(out, "%s:\n", e.path[0])
			}
			indent, key = "  ", e.path[1]
		}
		open = e.path[0]
		comment := ""
		if e.from != "" {
			comment = " # " + e.from
		}
		fmt.Fprintf(out, "%s%s: %s%s\n", indent, key, e.value, comment)
	}
}

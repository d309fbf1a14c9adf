package gatelodge

import (
	"fmt"
	"strings"
)

// Mirror sends copies of requests to a second Backend. The answers are discarded,
// and no failure there affects the original request.
type Mirror struct {
	Backend BackendKey // of a Backend in the same Snapshot
	Host    string     // the Host field of the copies
	Path    string     // prefix of the client's path, or the whole path if Fixed
	Fixed   bool
	Body    bool    // copy request bodies too; a request with a large body is not mirrored
	Share   float64 // share of requests, 0 to 1, chosen at random
}

// String lists what is mirrored where.
func (m *Mirror) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s host=%q", m.Backend, m.Host)
	if m.Fixed {
		fmt.Fprintf(&b, " path=%q", m.Path)
	} else if m.Path != "" {
		fmt.Fprintf(&b, " prefix=%q", m.Path)
	}
	if !m.Body {
		b.WriteString(" without-body")
	}
	if m.Share < 1 {
		fmt.Fprintf(&b, " share=%g%%", m.Share*100)
	}
	return b.String()
}
